"""Low-rank adaptation: a frozen weight plus a trainable product of two small matrices.

A layer takes part by deriving from `LowRankAdaptable` and naming the weight in question
with an `AdaptedWeight`; it reads the weight as before and knows nothing else of this.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from highlevel import initializers, ops
from highlevel.layers.described import DescribedLayer, positive
from highlevel.variable import Variable

__all__ = ["AdaptedWeight", "LowRankAdaptable"]


class AdaptedWeight:
    """An attribute that reads as the layer's variable, or as the adapted value of it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name
        self.slot = f"_{name}"

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        weight = layer.__dict__.get(self.slot)
        if weight is None:
            raise AttributeError(
                f"{type(layer).__name__} '{layer.name}' has no `{self.name}` yet: it is made when "
                "the layer is built. Call the layer on data or `build(input_shape)` it first."
            )
        return layer._adapt(weight) if layer.lora_enabled else weight

    def __set__(self, layer: Any, value: Any) -> None:
        layer.__setattr__(self.slot, value)


class LowRankAdaptable(DescribedLayer):
    """Base of layers with a weight that `enable_lora` can adapt.

    Source: E. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models",
    arXiv:2106.09685.
    """

    #: name of the attribute, an `AdaptedWeight`, that is adapted
    _adapts = "kernel"

    lora_rank: int | None = None
    lora_alpha: float | None = None
    lora_enabled: bool = False

    def _set_lora(self, rank: int | None, alpha: float | None) -> None:
        """Keep the constructor's `lora_rank` and `lora_alpha` for `_adapt_if_asked`."""
        self.lora_rank = None if rank is None else positive(self, "lora_rank", rank)
        self.lora_alpha = self.lora_rank if alpha is None else alpha

    def _adapt_if_asked(self) -> None:
        """To be called at the end of `build`."""
        if self.lora_rank is not None:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the weight and train a product `a @ b` that is added to it instead.

        The two new weights have the shapes `(*weight.shape[:-1], rank)` and
        `(rank, weight.shape[-1])`; what is added is `lora_alpha / rank * (a @ b)`. Files hold
        the sum, so that they load into layers without adaptation.

        Args:
            rank: inner length of the product.
            lora_alpha: scale of what is added; `rank` by default.
            a_initializer: how the first factor begins.
            b_initializer: how the second factor begins; zeros leave the layer's output as
                it was.

        Raises:
            ValueError: the layer is not built, adapted already, or has a constraint on the
                weight.

        >>> import highlevel as hl
        >>> layer = hl.layers.Dense(4)
        >>> layer.build((None, 3))
        >>> layer.enable_lora(rank=2)
        >>> [v.name for v in layer.trainable_variables]
        ['bias', 'lora_kernel_a', 'lora_kernel_b']
        """
        name, who = self._adapts, f"{type(self).__name__} '{self.name}'"
        if getattr(self, f"{name}_constraint") is not None:
            raise ValueError(
                f"{who} has a `{name}_constraint`, which cannot hold for a sum with a low-rank "
                "product. Make the layer without it to use LoRA."
            )
        weight: Variable | None = self.__dict__.get(f"_{name}")
        if weight is None:
            raise ValueError(
                f"{who} is not built, so there is nothing to adapt yet. Call it on data or "
                "`build(input_shape)` it before `enable_lora`, or pass `lora_rank` to the "
                "constructor."
            )
        if self.lora_enabled:
            raise ValueError(f"{who}: LoRA is enabled already, which can be done once per layer.")
        rank = positive(self, "rank", rank)
        first = self.add_weight(
            (*weight.shape[:-1], rank), initializers.get(a_initializer), name=f"lora_{name}_a",
            regularizer=getattr(self, f"{name}_regularizer"),
        )
        second = self.add_weight(
            (rank, weight.shape[-1]), initializers.get(b_initializer), name=f"lora_{name}_b",
            regularizer=getattr(self, f"{name}_regularizer"),
        )
        setattr(self, f"lora_{name}_a", first)
        setattr(self, f"lora_{name}_b", second)
        weight.trainable = False
        self.lora_rank = rank
        self.lora_alpha = rank if lora_alpha is None else lora_alpha
        self.lora_enabled = True

    def _factors(self) -> tuple[Variable, Variable]:
        name = self._adapts
        return getattr(self, f"lora_{name}_a"), getattr(self, f"lora_{name}_b")

    def _adapt(self, weight: Variable) -> Any:
        first, second = self._factors()
        scale = (self.lora_alpha or 0.0) / (self.lora_rank or 1)  # both are set by now
        added = ops.matmul(first, second)
        return ops.add(weight, added if scale == 1 else ops.multiply(added, scale))

    # -------------------------------------------------------------------- config, files

    def get_config(self) -> dict[str, Any]:
        """The arguments that make an equal layer."""
        config = super().get_config()
        if self.lora_rank is not None:
            config |= {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
        return config

    def _stored(self) -> list[Variable]:
        """The variables that files hold: those of a layer without adaptation."""
        first, second = self._factors()
        return [v for v in self._direct_variables() if v is not first and v is not second]

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Fill `store` with the variables, the adapted weight with what was added to it."""
        if not self.lora_enabled:
            return super().save_own_variables(store)
        adapted = self.__dict__[f"_{self._adapts}"]
        for index, variable in enumerate(self._stored()):
            value = self._adapt(variable) if variable is adapted else variable
            store[str(index)] = ops.convert_to_numpy(value)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the variables from `store`; nothing is added to the adapted weight then.

        Raises:
            ValueError: another number of arrays.
        """
        if not self.lora_enabled:
            return super().load_own_variables(store)
        stored = self._stored()
        if len(store) != len(stored):
            raise ValueError(
                f"has {len(stored)} variables beside those of LoRA, the file has {len(store)}"
            )
        for index, variable in enumerate(stored):
            variable.assign(store[str(index)])
        for factor in self._factors():
            factor.assign(ops.zeros(factor.shape, factor.dtype))


def _not_adapted(layer: LowRankAdaptable) -> bool:
    return not layer.lora_enabled


vars(LowRankAdaptable.save_own_variables)["plain_order"] = _not_adapted
vars(LowRankAdaptable.load_own_variables)["plain_order"] = _not_adapted
