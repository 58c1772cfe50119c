"""How far a student's outputs, or the features of one of its layers, are from the teacher's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from highlevel import losses as losses_module
from highlevel import ops, tree
from highlevel.serialization import deserialize_keras_object, serialize_keras_object

__all__ = ["DistillationLoss", "FeatureDistillation", "LogitsDistillation", "structure_of_losses"]


def structure_of_losses(given: Any) -> Any:
    """`given` with `Loss` objects in the place of names and functions; None stays."""
    if given is None:
        return None
    if isinstance(given, Mapping) and "class_name" not in given:
        return {name: structure_of_losses(one) for name, one in given.items()}
    if isinstance(given, (list, tuple)):
        return type(given)([structure_of_losses(one) for one in given])
    found: Any = losses_module.get(given)
    if isinstance(found, losses_module.Loss):
        return found
    # The class of that function, so that configs name it as Keras's do.
    name = getattr(found, "__name__", "")
    likely = name.replace("_", "").lower()
    for public in losses_module.__all__:
        if public.lower() == likely and isinstance(getattr(losses_module, public), type):
            return getattr(losses_module, public)()
    return losses_module.FunctionLoss(found, name=name or None)


def _pairs(owner: str, loss: Any, teacher: Any, student: Any) -> list[tuple[Any, Any, Any]]:
    """Each loss with its two outputs."""
    if isinstance(loss, losses_module.Loss):
        if isinstance(teacher, (dict, list, tuple)):
            raise ValueError(
                f"{owner} has one loss, but the outputs are a {type(teacher).__name__} of "
                f"{len(teacher)}. Give a loss (or None) for each of them."
            )
        return [(loss, teacher, student)]
    if loss is None:
        return []
    keys = list(loss) if isinstance(loss, Mapping) else range(len(loss))
    fits = (
        isinstance(teacher, Mapping) and set(teacher) == set(keys)
        if isinstance(loss, Mapping)
        else isinstance(teacher, (list, tuple)) and len(teacher) == len(loss)
    )
    if not fits:
        raise ValueError(
            f"The losses of {owner} are not in the structure of the outputs: losses "
            f"{_outline(loss)}, outputs {_outline(teacher)}."
        )
    return [pair for key in keys for pair in _pairs(owner, loss[key], teacher[key], student[key])]


def _outline(structure: Any) -> str:
    return str(tree.map_structure(lambda _: "*", structure))


class DistillationLoss:
    """Base class: subclass it and define `compute_loss`, and the checks if there are any."""

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """The distance of the student from the teacher.

        Args:
            teacher_outputs, student_outputs: arrays of shape `(batch, ...)`, or trees.

        Returns:
            Scalar array.
        """
        raise NotImplementedError(
            f"{type(self).__name__} is a DistillationLoss without `compute_loss`; define it."
        )

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs that cannot be compared.

        Raises:
            ValueError: the two have different structures.
        """
        try:
            tree.assert_same_structure(teacher_outputs, student_outputs)
        except (ValueError, TypeError):
            raise ValueError(
                "Teacher and student give outputs of different structure: "
                f"{_outline(teacher_outputs)} and {_outline(student_outputs)}."
            ) from None

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse two models that this loss cannot compare; nothing is refused by default."""

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """What `get_config` described."""
        config = dict(config)
        if "loss" in config:
            config["loss"] = deserialize_keras_object(config["loss"])
        return cls(**config)

    def _sum(self, loss: Any, teacher: Any, student: Any, term: Callable) -> Any:
        terms = [term(*pair) for pair in _pairs(type(self).__name__, loss, teacher, student)]
        total = terms[0]
        for one in terms[1:]:
            total = total + one
        return total


def _some_loss(owner: str, given: Any) -> Any:
    found = structure_of_losses(given)
    if not any(isinstance(one, losses_module.Loss) for one in tree.flatten(found)):
        raise ValueError(f"The `loss` of {owner} must hold at least one that is not None.")
    return found


class FeatureDistillation(DistillationLoss):
    """Distance of the features that two layers give.

    Args:
        loss: name, function or `Loss`, or a structure of them (None to leave an output out)
            like that of the layers' outputs.
        teacher_layer_name: layer of the teacher; its final output where None.
        student_layer_name: layer of the student; its final output where None.

    Raises:
        ValueError: all losses are None.

    Source: Romero et al., "FitNets: Hints for Thin Deep Nets" (2015).

    >>> float(FeatureDistillation("mae").compute_loss([[1.0, 2.0]], [[1.0, 4.0]]))
    1.0
    """

    def __init__(
        self,
        loss: Any = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ) -> None:
        self.loss = _some_loss("FeatureDistillation", loss)
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models without the layers.

        Raises:
            ValueError: a layer is not there, or a model has no graph to take it from.
        """
        for role, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if getattr(model, "inputs", None) is None:
                raise ValueError(
                    f"The {role} '{model.name}' is a subclass of Model without a graph: "
                    f"FeatureDistillation cannot take the output of its layer '{name}'. Use a "
                    "Functional or built Sequential model, or compare final outputs (no names)."
                )
            try:
                model.get_layer(name=name)
            except ValueError as error:
                raise ValueError(f"In the {role} model '{model.name}': {error}") from None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        teacher_outputs, student_outputs = _arrays(self.loss, teacher_outputs, student_outputs)
        return self._sum(
            self.loss, teacher_outputs, student_outputs,
            lambda loss, teacher, student: ops.mean(loss(teacher, student)),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            "loss": serialize_keras_object(self.loss),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


class LogitsDistillation(DistillationLoss):
    """Distance of final outputs (logits), both divided by a temperature.

    With the Kullback-Leibler divergence they go through softmax first, and the loss is
    multiplied by the square of the temperature, which keeps the size of its gradients. That
    holds for its name too, which Keras 3.15 takes for a plain function of the logits.

    Args:
        temperature: positive; higher makes the teacher's distribution softer.
        loss: name, function or `Loss`, or a structure of them (None to leave an output out)
            like that of the outputs.

    Raises:
        ValueError: the temperature is not a positive number, or all losses are None.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network" (2015).

    >>> float(LogitsDistillation(2.0).compute_loss([[1.0, 3.0]], [[1.0, 3.0]]))
    0.0
    """

    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence") -> None:
        self.loss = _some_loss("LogitsDistillation", loss)
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or (
            not temperature > 0
        ):
            raise ValueError(
                "The temperature of LogitsDistillation must be a positive number; got "
                f"{temperature!r}."
            )
        self.temperature = temperature

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        def term(loss: Any, teacher: Any, student: Any) -> Any:
            teacher, student = teacher / self.temperature, student / self.temperature
            if not isinstance(loss, losses_module.KLDivergence):
                return ops.mean(loss(teacher, student))
            value = loss(ops.softmax(teacher, axis=-1), ops.softmax(student, axis=-1))
            return ops.mean(value) * self.temperature**2

        teacher_outputs, student_outputs = _arrays(self.loss, teacher_outputs, student_outputs)
        return self._sum(self.loss, teacher_outputs, student_outputs, term)

    def get_config(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "loss": serialize_keras_object(self.loss)}


def _arrays(loss: Any, *outputs: Any) -> Any:
    """Nested lists of numbers as arrays, where one loss says that they are one output."""
    if not isinstance(loss, losses_module.Loss):
        return outputs
    return tuple(
        ops.convert_to_tensor(one)
        if isinstance(one, (list, tuple)) and not any(hasattr(leaf, "shape") for leaf in one)
        else one
        for one in outputs
    )
