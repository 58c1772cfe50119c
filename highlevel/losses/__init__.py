"""Losses: what training makes small."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.losses.base import FunctionLoss as FunctionLoss
    from highlevel.losses.base import Loss as Loss
    from highlevel.losses.crossentropies import BinaryCrossentropy as BinaryCrossentropy
    from highlevel.losses.crossentropies import BinaryFocalCrossentropy as BinaryFocalCrossentropy
    from highlevel.losses.crossentropies import CategoricalCrossentropy as CategoricalCrossentropy
    from highlevel.losses.crossentropies import (
        CategoricalFocalCrossentropy as CategoricalFocalCrossentropy,
    )
    from highlevel.losses.crossentropies import (
        CategoricalGeneralizedCrossEntropy as CategoricalGeneralizedCrossEntropy,
    )
    from highlevel.losses.crossentropies import KLDivergence as KLDivergence
    from highlevel.losses.crossentropies import Poisson as Poisson
    from highlevel.losses.crossentropies import (
        SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
    )
    from highlevel.losses.hinges import CategoricalHinge as CategoricalHinge
    from highlevel.losses.hinges import Hinge as Hinge
    from highlevel.losses.hinges import SquaredHinge as SquaredHinge
    from highlevel.losses.hinges import categorical_hinge as categorical_hinge
    from highlevel.losses.hinges import hinge as hinge
    from highlevel.losses.hinges import squared_hinge as squared_hinge
    from highlevel.losses.lookup import deserialize as deserialize
    from highlevel.losses.lookup import get as get
    from highlevel.losses.lookup import serialize as serialize
    from highlevel.losses.probabilistic import binary_crossentropy as binary_crossentropy
    from highlevel.losses.probabilistic import (
        binary_focal_crossentropy as binary_focal_crossentropy,
    )
    from highlevel.losses.probabilistic import categorical_crossentropy as categorical_crossentropy
    from highlevel.losses.probabilistic import (
        categorical_focal_crossentropy as categorical_focal_crossentropy,
    )
    from highlevel.losses.probabilistic import (
        categorical_generalized_cross_entropy as categorical_generalized_cross_entropy,
    )
    from highlevel.losses.probabilistic import kl_divergence as kl_divergence
    from highlevel.losses.probabilistic import poisson as poisson
    from highlevel.losses.probabilistic import (
        sparse_categorical_crossentropy as sparse_categorical_crossentropy,
    )
    from highlevel.losses.regression import CosineSimilarity as CosineSimilarity
    from highlevel.losses.regression import Huber as Huber
    from highlevel.losses.regression import LogCosh as LogCosh
    from highlevel.losses.regression import MeanAbsoluteError as MeanAbsoluteError
    from highlevel.losses.regression import (
        MeanAbsolutePercentageError as MeanAbsolutePercentageError,
    )
    from highlevel.losses.regression import MeanSquaredError as MeanSquaredError
    from highlevel.losses.regression import (
        MeanSquaredLogarithmicError as MeanSquaredLogarithmicError,
    )
    from highlevel.losses.regression import cosine_similarity as cosine_similarity
    from highlevel.losses.regression import huber as huber
    from highlevel.losses.regression import log_cosh as log_cosh
    from highlevel.losses.regression import mean_absolute_error as mean_absolute_error
    from highlevel.losses.regression import (
        mean_absolute_percentage_error as mean_absolute_percentage_error,
    )
    from highlevel.losses.regression import mean_squared_error as mean_squared_error
    from highlevel.losses.regression import (
        mean_squared_logarithmic_error as mean_squared_logarithmic_error,
    )
    from highlevel.losses.structured import CTC as CTC
    from highlevel.losses.structured import Circle as Circle
    from highlevel.losses.structured import Dice as Dice
    from highlevel.losses.structured import Tversky as Tversky
    from highlevel.losses.structured import circle as circle
    from highlevel.losses.structured import ctc as ctc
    from highlevel.losses.structured import dice as dice
    from highlevel.losses.structured import tversky as tversky

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.losses.base": "FunctionLoss Loss",
        "highlevel.losses.crossentropies": (
            "BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy "
            "CategoricalFocalCrossentropy CategoricalGeneralizedCrossEntropy KLDivergence "
            "Poisson SparseCategoricalCrossentropy"
        ),
        "highlevel.losses.hinges": (
            "CategoricalHinge Hinge SquaredHinge categorical_hinge hinge squared_hinge"
        ),
        "highlevel.losses.lookup": "deserialize get serialize",
        "highlevel.losses.probabilistic": (
            "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
            "categorical_focal_crossentropy categorical_generalized_cross_entropy kl_divergence "
            "poisson sparse_categorical_crossentropy"
        ),
        "highlevel.losses.regression": (
            "CosineSimilarity Huber LogCosh MeanAbsoluteError MeanAbsolutePercentageError "
            "MeanSquaredError MeanSquaredLogarithmicError cosine_similarity huber log_cosh "
            "mean_absolute_error mean_absolute_percentage_error mean_squared_error "
            "mean_squared_logarithmic_error"
        ),
        "highlevel.losses.structured": "CTC Circle Dice Tversky circle ctc dice tversky",
    },
)
