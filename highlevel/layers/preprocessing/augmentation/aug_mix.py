"""`AugMix`."""

from __future__ import annotations

from typing import Any

import numpy as np
from highlevel_backend import current_backend

from highlevel.layers.described import positive
from highlevel.layers.preprocessing.augmentation.policies import PolicyLayer
from highlevel.ops.core.control import scan
from highlevel.random import beta, gamma, randint
from highlevel.random.keys import split

__all__ = ["AugMix"]


class AugMix(PolicyLayer):
    """In training mixes images with what several chains of random changes make of them.

    Args:
        value_range: the lowest and highest value of pixels.
        num_chains: how many chains.
        chain_depth: how many changes a chain has at most; at least one.
        factor: strength of the changes, two numbers from 0 to 1 between which one is drawn,
            or one, for 0 to `factor`.
        alpha: parameter of the Dirichlet distribution that the chains' shares are drawn
            from, and of the beta distribution for the share of all of them.
        all_ops: choose also among changes of brightness, colour, contrast and sharpness.
        interpolation: "nearest" or "bilinear", where pixels move.
        seed: integer for the same changes at every run.
        data_format: `"channels_last"` or `"channels_first"`; the setting's where None.

    Called with images `(batch, height, width, 3)`, one, or a dict, see `RandomFlip`. Masks and
    boxes stay as they are, as they fit the unchanged image, which is part of every mix.

    Source: D. Hendrycks et al., "AugMix", 2019, arXiv:1912.02781.

    >>> import highlevel as hl
    >>> layer = hl.layers.AugMix(seed=1)
    >>> layer(hl.ops.ones((2, 8, 8, 3)), training=True).shape
    (2, 8, 8, 3)
    """

    _fields = (
        "value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops",
        "interpolation", "seed",
    )
    _few = (
        "random_shear", "random_translation", "random_rotation", "random_posterization",
        "solarization", "auto_contrast", "equalization",
    )
    _more = (
        "random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness",
    )

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range=value_range, factor=factor, interpolation=interpolation, seed=seed,
            data_format=data_format, **kwargs)
        self.num_chains = positive(self, "num_chains", num_chains)
        self.chain_depth = positive(self, "chain_depth", chain_depth)
        if isinstance(alpha, str) or not alpha > 0:
            raise ValueError(f"AugMix '{self.name}': `alpha` must be above 0; got {alpha!r}.")
        self.alpha = alpha
        self.all_ops = all_ops
        self._names = (*self._few, *self._more) if all_ops else self._few

    def _draw(self, images: Any, seed: Any) -> dict[str, Any]:
        backend = current_backend()
        xp = backend.xp
        shares = gamma((self.num_chains,), self.alpha, dtype="float32", seed=seed)
        slots = (self.num_chains, self.chain_depth)
        return {
            "chain_mixing_weights": shares / xp.maximum(xp.sum(shares), 1e-12),
            "weight_sample": beta((), self.alpha, self.alpha, dtype="float32", seed=seed),
            "layer_idxes": randint(slots, 0, len(self._names), seed=seed),
            "depths": randint((self.num_chains,), 1, self.chain_depth + 1, seed=seed),
            "key": seed.next(),
        }

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """The images mixed with the chains' results."""
        images = super().transform_images(images, None, training)  # in the compute dtype
        if self._idle(transformation, training):
            return images
        backend = current_backend()
        xp = backend.xp
        depths = backend.asarray(transformation["depths"])
        indices = backend.asarray(transformation["layer_idxes"])
        shares = backend.cast(
            backend.asarray(transformation["chain_mixing_weights"]), self.compute_dtype)
        slots = self.num_chains * self.chain_depth
        keys = xp.stack(split(backend.asarray(transformation["key"], "uint32"), slots))
        steps = np.arange(slots, dtype="int32") % self.chain_depth
        chains = np.arange(slots, dtype="int32") // self.chain_depth
        first = backend.asarray(steps == 0)
        active = backend.asarray(steps) < xp.take(depths, backend.asarray(chains), axis=0)
        last = backend.asarray((steps == self.chain_depth - 1).astype("float32"))
        weights = xp.take(shares, backend.asarray(chains), axis=0) * backend.cast(
            last, self.compute_dtype)

        def step(carry: Any, slot: Any) -> Any:
            x, mixed = carry
            index, key, begins, acts, weight = slot
            x = xp.where(begins, images, x)
            x = xp.where(acts, self._changed(x, index, key), x)
            return (x, mixed + x * weight), None

        carry = (images, xp.zeros_like(images))
        along = (indices.reshape(-1), keys, first, active, weights)
        if backend.is_abstract(keys) or backend.is_abstract(images):
            # One body for all steps: each holds every change there is.
            carry, _ = scan(step, carry, along)
        else:
            for i in range(slots):
                if bool(active[i]) or bool(last[i]) or bool(first[i]):
                    carry, _ = step(carry, tuple([part[i] for part in along]))
        weight = backend.cast(backend.asarray(transformation["weight_sample"]), self.compute_dtype)
        return carry[1] * weight + images * (1 - weight)

    def _changed(self, x: Any, index: Any, key: Any) -> Any:
        """Images changed by the layer with a number, which draws from a key."""
        layers = self._layers()
        return self._one_of(
            index, "transform_images", x,
            lambda number: layers[number].get_random_transformation(x, seed=key))
