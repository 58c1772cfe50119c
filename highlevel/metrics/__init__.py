"""Metrics: what is gathered over batches."""

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.losses.hinges import categorical_hinge as categorical_hinge
    from highlevel.losses.hinges import hinge as hinge
    from highlevel.losses.hinges import squared_hinge as squared_hinge
    from highlevel.losses.probabilistic import binary_crossentropy as binary_crossentropy
    from highlevel.losses.probabilistic import (
        binary_focal_crossentropy as binary_focal_crossentropy,
    )
    from highlevel.losses.probabilistic import categorical_crossentropy as categorical_crossentropy
    from highlevel.losses.probabilistic import (
        categorical_focal_crossentropy as categorical_focal_crossentropy,
    )
    from highlevel.losses.probabilistic import kl_divergence as kl_divergence
    from highlevel.losses.probabilistic import poisson as poisson
    from highlevel.losses.probabilistic import (
        sparse_categorical_crossentropy as sparse_categorical_crossentropy,
    )
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
    from highlevel.metrics.accuracies import Accuracy as Accuracy
    from highlevel.metrics.accuracies import BinaryAccuracy as BinaryAccuracy
    from highlevel.metrics.accuracies import CategoricalAccuracy as CategoricalAccuracy
    from highlevel.metrics.accuracies import SparseCategoricalAccuracy as SparseCategoricalAccuracy
    from highlevel.metrics.accuracies import (
        SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy,
    )
    from highlevel.metrics.accuracies import TopKCategoricalAccuracy as TopKCategoricalAccuracy
    from highlevel.metrics.accuracies import accuracy as accuracy
    from highlevel.metrics.accuracies import binary_accuracy as binary_accuracy
    from highlevel.metrics.accuracies import categorical_accuracy as categorical_accuracy
    from highlevel.metrics.accuracies import (
        sparse_categorical_accuracy as sparse_categorical_accuracy,
    )
    from highlevel.metrics.accuracies import (
        sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy,
    )
    from highlevel.metrics.accuracies import (
        top_k_categorical_accuracy as top_k_categorical_accuracy,
    )
    from highlevel.metrics.base import Metric as Metric
    from highlevel.metrics.confusion import FalseNegatives as FalseNegatives
    from highlevel.metrics.confusion import FalsePositives as FalsePositives
    from highlevel.metrics.confusion import Precision as Precision
    from highlevel.metrics.confusion import Recall as Recall
    from highlevel.metrics.confusion import TrueNegatives as TrueNegatives
    from highlevel.metrics.confusion import TruePositives as TruePositives
    from highlevel.metrics.correlations import ConcordanceCorrelation as ConcordanceCorrelation
    from highlevel.metrics.correlations import PearsonCorrelation as PearsonCorrelation
    from highlevel.metrics.correlations import R2Score as R2Score
    from highlevel.metrics.correlations import concordance_correlation as concordance_correlation
    from highlevel.metrics.correlations import pearson_correlation as pearson_correlation
    from highlevel.metrics.curves import AUC as AUC
    from highlevel.metrics.curves import PrecisionAtRecall as PrecisionAtRecall
    from highlevel.metrics.curves import RecallAtPrecision as RecallAtPrecision
    from highlevel.metrics.curves import SensitivityAtSpecificity as SensitivityAtSpecificity
    from highlevel.metrics.curves import SpecificityAtSensitivity as SpecificityAtSensitivity
    from highlevel.metrics.f_scores import F1Score as F1Score
    from highlevel.metrics.f_scores import FBetaScore as FBetaScore
    from highlevel.metrics.lookup import deserialize as deserialize
    from highlevel.metrics.lookup import get as get
    from highlevel.metrics.lookup import resolve_accuracy as resolve_accuracy
    from highlevel.metrics.lookup import serialize as serialize
    from highlevel.metrics.overlaps import BinaryIoU as BinaryIoU
    from highlevel.metrics.overlaps import IoU as IoU
    from highlevel.metrics.overlaps import MeanIoU as MeanIoU
    from highlevel.metrics.overlaps import OneHotIoU as OneHotIoU
    from highlevel.metrics.overlaps import OneHotMeanIoU as OneHotMeanIoU
    from highlevel.metrics.reducing import Mean as Mean
    from highlevel.metrics.reducing import MeanMetricWrapper as MeanMetricWrapper
    from highlevel.metrics.reducing import Sum as Sum
    from highlevel.metrics.wrapped import BinaryCrossentropy as BinaryCrossentropy
    from highlevel.metrics.wrapped import CategoricalCrossentropy as CategoricalCrossentropy
    from highlevel.metrics.wrapped import CategoricalHinge as CategoricalHinge
    from highlevel.metrics.wrapped import CosineSimilarity as CosineSimilarity
    from highlevel.metrics.wrapped import Hinge as Hinge
    from highlevel.metrics.wrapped import KLDivergence as KLDivergence
    from highlevel.metrics.wrapped import LogCoshError as LogCoshError
    from highlevel.metrics.wrapped import MeanAbsoluteError as MeanAbsoluteError
    from highlevel.metrics.wrapped import MeanAbsolutePercentageError as MeanAbsolutePercentageError
    from highlevel.metrics.wrapped import MeanSquaredError as MeanSquaredError
    from highlevel.metrics.wrapped import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
    from highlevel.metrics.wrapped import Poisson as Poisson
    from highlevel.metrics.wrapped import RootMeanSquaredError as RootMeanSquaredError
    from highlevel.metrics.wrapped import (
        SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
    )
    from highlevel.metrics.wrapped import SquaredHinge as SquaredHinge

__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.metrics.accuracies": (
            "Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy "
            "SparseTopKCategoricalAccuracy TopKCategoricalAccuracy accuracy binary_accuracy "
            "categorical_accuracy sparse_categorical_accuracy sparse_top_k_categorical_accuracy "
            "top_k_categorical_accuracy"
        ),
        "highlevel.metrics.base": "Metric",
        "highlevel.metrics.confusion": (
            "FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives"
        ),
        "highlevel.metrics.correlations": (
            "ConcordanceCorrelation PearsonCorrelation R2Score concordance_correlation "
            "pearson_correlation"
        ),
        "highlevel.metrics.curves": (
            "AUC PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity "
            "SpecificityAtSensitivity"
        ),
        "highlevel.metrics.f_scores": "F1Score FBetaScore",
        "highlevel.metrics.lookup": "deserialize get resolve_accuracy serialize",
        "highlevel.metrics.overlaps": "BinaryIoU IoU MeanIoU OneHotIoU OneHotMeanIoU",
        "highlevel.metrics.reducing": "Mean MeanMetricWrapper Sum",
        "highlevel.metrics.wrapped": (
            "BinaryCrossentropy CategoricalCrossentropy CategoricalHinge CosineSimilarity Hinge "
            "KLDivergence LogCoshError MeanAbsoluteError MeanAbsolutePercentageError "
            "MeanSquaredError MeanSquaredLogarithmicError Poisson RootMeanSquaredError "
            "SparseCategoricalCrossentropy SquaredHinge"
        ),
    },
    # The losses' functions are offered here too.
    {
        name: f"highlevel.losses.{module}:{name}"
        for module, names in {
            "probabilistic": (
                "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
                "categorical_focal_crossentropy sparse_categorical_crossentropy kl_divergence "
                "poisson"
            ),
            "regression": (
                "huber log_cosh mean_absolute_error mean_absolute_percentage_error "
                "mean_squared_error mean_squared_logarithmic_error"
            ),
            "hinges": "hinge squared_hinge categorical_hinge",
        }.items()
        for name in names.split()
    },
)
