"""One gradient rule per NumPy function, by family. Importing this fills the tables."""

from highlevel_numpy.rules import (
    calculus,
    elementwise,
    fft,
    indexing,
    joining,
    linalg,
    products,
    quantiles,
    reductions,
    shaping,
)

__all__ = [
    "calculus",
    "elementwise",
    "fft",
    "indexing",
    "joining",
    "linalg",
    "products",
    "quantiles",
    "reductions",
    "shaping",
]
