"""`Distiller`: trains a student by the targets and by a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from highlevel import metrics as metrics_module
from highlevel import ops, tree
from highlevel.distillation.losses import structure_of_losses
from highlevel.models import Model
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["Distiller"]

FINAL = "final_output"


class Distiller(Model):
    """A model that trains `student`, with its own loss and with distances from `teacher`.

    The loss is `student_loss_weight` times the compiled one, and `1 - student_loss_weight`
    times the weighted sum of the distances. The teacher is frozen and runs as in inference.
    The distiller's outputs are the student's; after training use `distiller.student`.

    Args:
        teacher: trained model; it is set to be not trainable.
        student: model of the same inputs and outputs.
        distillation_losses: a `DistillationLoss` or a list of them.
        distillation_loss_weights: a factor for each; 1 by default.
        student_loss_weight: share of the compiled loss, from 0 to 1.
        name: name of the model.

    Raises:
        ValueError: teacher and student do not fit together, or a number is out of range.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (2015).

    >>> import numpy as np
    >>> import highlevel as hl
    >>> teacher, student = (
    ...     hl.Sequential([hl.Input((4,)), hl.layers.Dense(n), hl.layers.Dense(3)]) for n in (8, 2)
    ... )
    >>> distiller = hl.distillation.Distiller(
    ...     teacher, student, hl.distillation.LogitsDistillation(2.0))
    >>> distiller.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> x, y = np.ones((8, 4), "float32"), np.zeros(8, "int32")
    >>> sorted(distiller.fit(x, y, verbose=0).history)
    ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    _features: tuple[Any, Any]

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        if isinstance(student_loss_weight, bool) or not isinstance(
            student_loss_weight, (int, float)
        ) or not 0 <= student_loss_weight <= 1:
            raise ValueError(
                "`student_loss_weight` must be a number between 0.0 and 1.0; got "
                f"{student_loss_weight!r}."
            )
        if distillation_losses is None:
            raise ValueError(
                "`distillation_losses` cannot be None. Give a DistillationLoss, such as "
                "LogitsDistillation(), or a list of them."
            )
        many = isinstance(distillation_losses, (list, tuple))
        losses = list(distillation_losses) if many else [distillation_losses]
        weights = [1.0] * len(losses)
        if many and distillation_loss_weights is not None:
            weights = list(distillation_loss_weights)
        if len(weights) != len(losses):
            raise ValueError(
                f"There are {len(losses)} `distillation_losses` and {len(weights)} "
                "`distillation_loss_weights`; give one weight for each."
            )
        for loss in losses:
            loss.validate_model_compatibility(teacher, student)
        self.teacher = teacher
        self.student = student
        self.distillation_losses = losses
        self.distillation_loss_weights = weights
        self.student_loss_weight = student_loss_weight
        self.teacher.trainable = False
        # Not an attribute that is tracked: these models are made of the same layers.
        self.__dict__["_features"] = tuple(
            _extractor(model, [name for name in (getattr(one, attribute, None) for one in losses)
                               if name])
            for model, attribute in (
                (teacher, "teacher_layer_name"), (student, "student_layer_name"))
        )
        self.student_loss_tracker = metrics_module.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics_module.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics_module.Mean(name="total_loss")

    def compile(
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Say how the student is trained.

        Args:
            optimizer: name or `Optimizer`.
            loss: loss of the student's outputs against the targets, or a structure of them.
            metrics: list of metrics of the student's outputs.
            kwargs: as in `Model.compile`.

        Raises:
            ValueError: no loss, or metrics that are no list.
        """
        if loss is None:
            raise ValueError("`loss` of Distiller.compile cannot be None: give the student's loss.")
        if metrics is not None and not isinstance(metrics, (list, tuple)):
            raise ValueError(f"`metrics` must be a list or tuple; got {metrics!r}.")
        self._student_loss = structure_of_losses(loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)
        config = self._trainer.config
        if config is not None:
            config["loss"] = loss

    def call(self, inputs: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """The student's outputs."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The two losses together; as in `Model.compute_loss`.

        `sample_weight` weighs the student's loss.
        """
        if y_pred is None:
            y_pred = self(x, training=training)
        share = self.student_loss_weight
        of_student: Any = 0.0
        if share > 0 and y is not None:
            of_student = self._own_loss(y, y_pred, sample_weight)
        of_teacher: Any = 0.0
        if share < 1:
            of_teacher = self._distance(x, y_pred)
        total = share * of_student + (1 - share) * of_teacher
        self.student_loss_tracker.update_state(of_student)
        self.distillation_loss_tracker.update_state(of_teacher)
        self.total_loss_tracker.update_state(total)
        return total

    def _own_loss(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        losses = self._student_loss
        if not isinstance(losses, (dict, list, tuple)):
            return ops.mean(losses(y, y_pred, sample_weight))
        keys = list(losses) if isinstance(losses, Mapping) else range(len(losses))
        by_output = sample_weight if isinstance(sample_weight, (dict, list, tuple)) else None
        return sum(
            ops.mean(losses[key](
                y[key], y_pred[key], sample_weight if by_output is None else by_output[key]))
            for key in keys if losses[key] is not None
        )

    def _distance(self, x: Any, y_pred: Any) -> Any:
        teachers, students = self._features
        by_teacher = (
            teachers(x, training=False) if teachers is not None
            else {FINAL: self.teacher(x, training=False)}
        )
        by_student = students(x, training=True) if students is not None else {}
        by_student[FINAL] = y_pred
        total: Any = 0.0
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights):
            theirs = by_teacher[getattr(loss, "teacher_layer_name", None) or FINAL]
            ours = by_student[getattr(loss, "student_layer_name", None) or FINAL]
            theirs = tree.map_structure(ops.stop_gradient, theirs)
            loss.validate_outputs(theirs, ours)
            value = loss.compute_loss(theirs, ours)
            if len(getattr(value, "shape", ())):
                raise ValueError(
                    f"`compute_loss` of {type(loss).__name__} must return a scalar; it has the "
                    f"shape {tuple(value.shape)}."
                )
            total = total + weight * value
        return total

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [serialize_keras_object(x) for x in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        for name in ("teacher", "student"):
            config[name] = deserialize_keras_object(config[name], custom_objects)
        config["distillation_losses"] = [
            deserialize_keras_object(one, custom_objects) for one in config["distillation_losses"]
        ]
        return cls(**config)


def _extractor(model: Any, names: list[str]) -> Any:
    """A model on the same layers that also gives what the named ones give."""
    if not names:
        return None
    outputs = {FINAL: model.output}
    outputs |= {name: model.get_layer(name=name).output for name in names}
    inputs = model.inputs[0] if len(model.inputs) == 1 else model.inputs
    return Model(inputs, outputs, name=f"{model.name}_multi_feature_extractor")


def _check_models(teacher: Any, student: Any) -> None:
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Model):
            raise ValueError(f"The {role} of a Distiller must be a Model; got {model!r}.")
    for what in ("inputs", "outputs"):
        theirs, ours = (_ends(model, what) for model in (teacher, student))
        if theirs is None or ours is None:
            continue
        if len(theirs) != len(ours):
            raise ValueError(
                f"Teacher '{teacher.name}' has {len(theirs)} {what}, student '{student.name}' "
                f"has {len(ours)}; they must have the same."
            )
        for a, b in zip(theirs, ours):
            fits = len(a.shape) == len(b.shape) and all(
                m is None or n is None or m == n for m, n in zip(a.shape, b.shape)
            )
            if not fits or a.dtype != b.dtype:
                raise ValueError(
                    f"The {what} of teacher '{teacher.name}' and student '{student.name}' differ: "
                    f"{a.dtype}{tuple(a.shape)} and {b.dtype}{tuple(b.shape)}."
                )


def _ends(model: Any, what: str) -> Any:
    try:
        return getattr(model, what)
    except AttributeError:
        return None
