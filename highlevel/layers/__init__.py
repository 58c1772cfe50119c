"""Layers, by family in folders; every public name is importable from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highlevel._lazy import lazy_package

if TYPE_CHECKING:
    from highlevel.layers.activation.activation import Activation as Activation
    from highlevel.layers.activation.prelu import PReLU as PReLU
    from highlevel.layers.activation.rectifiers import ELU as ELU
    from highlevel.layers.activation.rectifiers import LeakyReLU as LeakyReLU
    from highlevel.layers.activation.rectifiers import ReLU as ReLU
    from highlevel.layers.activation.softmax import Softmax as Softmax
    from highlevel.layers.attention.additive_attention import AdditiveAttention as AdditiveAttention
    from highlevel.layers.attention.attention import Attention as Attention
    from highlevel.layers.attention.grouped_query_attention import (
        GroupedQueryAttention as GroupedQueryAttention,
    )
    from highlevel.layers.attention.multi_head_attention import (
        MultiHeadAttention as MultiHeadAttention,
    )
    from highlevel.layers.convolution.conv import Conv1D as Conv1D
    from highlevel.layers.convolution.conv import Conv2D as Conv2D
    from highlevel.layers.convolution.conv import Conv3D as Conv3D
    from highlevel.layers.convolution.depthwise import DepthwiseConv1D as DepthwiseConv1D
    from highlevel.layers.convolution.depthwise import DepthwiseConv2D as DepthwiseConv2D
    from highlevel.layers.convolution.separable import SeparableConv1D as SeparableConv1D
    from highlevel.layers.convolution.separable import SeparableConv2D as SeparableConv2D
    from highlevel.layers.convolution.transpose import Conv1DTranspose as Conv1DTranspose
    from highlevel.layers.convolution.transpose import Conv2DTranspose as Conv2DTranspose
    from highlevel.layers.convolution.transpose import Conv3DTranspose as Conv3DTranspose
    from highlevel.layers.core.dense import Dense as Dense
    from highlevel.layers.core.einsum_dense import EinsumDense as EinsumDense
    from highlevel.layers.core.embedding import Embedding as Embedding
    from highlevel.layers.core.embedding import ReversibleEmbedding as ReversibleEmbedding
    from highlevel.layers.core.identity import Identity as Identity
    from highlevel.layers.core.lambda_layer import Lambda as Lambda
    from highlevel.layers.core.masking import Masking as Masking
    from highlevel.layers.core.repeat import Repeat as Repeat
    from highlevel.layers.core.wrapper import Wrapper as Wrapper
    from highlevel.layers.input_layer import Input as Input
    from highlevel.layers.input_layer import InputLayer as InputLayer
    from highlevel.layers.input_spec import InputSpec as InputSpec
    from highlevel.layers.interop.flax_layer import FlaxLayer as FlaxLayer
    from highlevel.layers.interop.jax_layer import JaxLayer as JaxLayer
    from highlevel.layers.layer import Layer as Layer
    from highlevel.layers.lookup import deserialize as deserialize
    from highlevel.layers.lookup import serialize as serialize
    from highlevel.layers.merging.concatenate import Concatenate as Concatenate
    from highlevel.layers.merging.concatenate import concatenate as concatenate
    from highlevel.layers.merging.dot import Dot as Dot
    from highlevel.layers.merging.dot import dot as dot
    from highlevel.layers.merging.elementwise import Add as Add
    from highlevel.layers.merging.elementwise import Average as Average
    from highlevel.layers.merging.elementwise import Maximum as Maximum
    from highlevel.layers.merging.elementwise import Minimum as Minimum
    from highlevel.layers.merging.elementwise import Multiply as Multiply
    from highlevel.layers.merging.elementwise import Subtract as Subtract
    from highlevel.layers.merging.elementwise import add as add
    from highlevel.layers.merging.elementwise import average as average
    from highlevel.layers.merging.elementwise import maximum as maximum
    from highlevel.layers.merging.elementwise import minimum as minimum
    from highlevel.layers.merging.elementwise import multiply as multiply
    from highlevel.layers.merging.elementwise import subtract as subtract
    from highlevel.layers.normalization.batch import BatchNormalization as BatchNormalization
    from highlevel.layers.normalization.group import GroupNormalization as GroupNormalization
    from highlevel.layers.normalization.layer import LayerNormalization as LayerNormalization
    from highlevel.layers.normalization.rms import RMSNormalization as RMSNormalization
    from highlevel.layers.normalization.spectral import (
        SpectralNormalization as SpectralNormalization,
    )
    from highlevel.layers.normalization.unit import UnitNormalization as UnitNormalization
    from highlevel.layers.pooling.adaptive_pooling import (
        AdaptiveAveragePooling1D as AdaptiveAveragePooling1D,
    )
    from highlevel.layers.pooling.adaptive_pooling import (
        AdaptiveAveragePooling2D as AdaptiveAveragePooling2D,
    )
    from highlevel.layers.pooling.adaptive_pooling import (
        AdaptiveAveragePooling3D as AdaptiveAveragePooling3D,
    )
    from highlevel.layers.pooling.adaptive_pooling import (
        AdaptiveMaxPooling1D as AdaptiveMaxPooling1D,
    )
    from highlevel.layers.pooling.adaptive_pooling import (
        AdaptiveMaxPooling2D as AdaptiveMaxPooling2D,
    )
    from highlevel.layers.pooling.adaptive_pooling import (
        AdaptiveMaxPooling3D as AdaptiveMaxPooling3D,
    )
    from highlevel.layers.pooling.average_pooling import AveragePooling1D as AveragePooling1D
    from highlevel.layers.pooling.average_pooling import AveragePooling2D as AveragePooling2D
    from highlevel.layers.pooling.average_pooling import AveragePooling3D as AveragePooling3D
    from highlevel.layers.pooling.global_pooling import (
        GlobalAveragePooling1D as GlobalAveragePooling1D,
    )
    from highlevel.layers.pooling.global_pooling import (
        GlobalAveragePooling2D as GlobalAveragePooling2D,
    )
    from highlevel.layers.pooling.global_pooling import (
        GlobalAveragePooling3D as GlobalAveragePooling3D,
    )
    from highlevel.layers.pooling.global_pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
    from highlevel.layers.pooling.global_pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
    from highlevel.layers.pooling.global_pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
    from highlevel.layers.pooling.max_pooling import MaxPooling1D as MaxPooling1D
    from highlevel.layers.pooling.max_pooling import MaxPooling2D as MaxPooling2D
    from highlevel.layers.pooling.max_pooling import MaxPooling3D as MaxPooling3D
    from highlevel.layers.preprocessing.augmentation.aug_mix import AugMix as AugMix
    from highlevel.layers.preprocessing.augmentation.brightness import (
        RandomBrightness as RandomBrightness,
    )
    from highlevel.layers.preprocessing.augmentation.brightness import (
        RandomContrast as RandomContrast,
    )
    from highlevel.layers.preprocessing.augmentation.clahe import (
        ContrastLimitedAdaptiveHistogramEqualization as ContrastLimitedAdaptiveHistogramEqualization,  # noqa: E501
    )
    from highlevel.layers.preprocessing.augmentation.color import (
        RandomColorDegeneration as RandomColorDegeneration,
    )
    from highlevel.layers.preprocessing.augmentation.color import RandomGrayscale as RandomGrayscale
    from highlevel.layers.preprocessing.augmentation.color import RandomHue as RandomHue
    from highlevel.layers.preprocessing.augmentation.color import (
        RandomSaturation as RandomSaturation,
    )
    from highlevel.layers.preprocessing.augmentation.crop import RandomCrop as RandomCrop
    from highlevel.layers.preprocessing.augmentation.elastic import (
        RandomElasticTransform as RandomElasticTransform,
    )
    from highlevel.layers.preprocessing.augmentation.erasing import RandomErasing as RandomErasing
    from highlevel.layers.preprocessing.augmentation.filters import (
        RandomGaussianBlur as RandomGaussianBlur,
    )
    from highlevel.layers.preprocessing.augmentation.filters import (
        RandomSharpness as RandomSharpness,
    )
    from highlevel.layers.preprocessing.augmentation.flip import RandomFlip as RandomFlip
    from highlevel.layers.preprocessing.augmentation.histograms import AutoContrast as AutoContrast
    from highlevel.layers.preprocessing.augmentation.histograms import Equalization as Equalization
    from highlevel.layers.preprocessing.augmentation.jitter import (
        RandomColorJitter as RandomColorJitter,
    )
    from highlevel.layers.preprocessing.augmentation.max_boxes import (
        MaxNumBoundingBoxes as MaxNumBoundingBoxes,
    )
    from highlevel.layers.preprocessing.augmentation.mixing import CutMix as CutMix
    from highlevel.layers.preprocessing.augmentation.mixing import MixUp as MixUp
    from highlevel.layers.preprocessing.augmentation.perspective import (
        RandomPerspective as RandomPerspective,
    )
    from highlevel.layers.preprocessing.augmentation.rand_augment import RandAugment as RandAugment
    from highlevel.layers.preprocessing.augmentation.rotation import (
        RandomRotation as RandomRotation,
    )
    from highlevel.layers.preprocessing.augmentation.shear import RandomShear as RandomShear
    from highlevel.layers.preprocessing.augmentation.tones import RandomInvert as RandomInvert
    from highlevel.layers.preprocessing.augmentation.tones import (
        RandomPosterization as RandomPosterization,
    )
    from highlevel.layers.preprocessing.augmentation.tones import Solarization as Solarization
    from highlevel.layers.preprocessing.augmentation.translation import (
        RandomTranslation as RandomTranslation,
    )
    from highlevel.layers.preprocessing.augmentation.zoom import RandomZoom as RandomZoom
    from highlevel.layers.preprocessing.category_encoding import (
        CategoryEncoding as CategoryEncoding,
    )
    from highlevel.layers.preprocessing.discretization import Discretization as Discretization
    from highlevel.layers.preprocessing.hashed_crossing import HashedCrossing as HashedCrossing
    from highlevel.layers.preprocessing.hashing import Hashing as Hashing
    from highlevel.layers.preprocessing.image import CenterCrop as CenterCrop
    from highlevel.layers.preprocessing.image import Resizing as Resizing
    from highlevel.layers.preprocessing.integer_lookup import IntegerLookup as IntegerLookup
    from highlevel.layers.preprocessing.mel_spectrogram import MelSpectrogram as MelSpectrogram
    from highlevel.layers.preprocessing.normalization import Normalization as Normalization
    from highlevel.layers.preprocessing.pipeline import Pipeline as Pipeline
    from highlevel.layers.preprocessing.rescaling import Rescaling as Rescaling
    from highlevel.layers.preprocessing.stft_spectrogram import STFTSpectrogram as STFTSpectrogram
    from highlevel.layers.preprocessing.string_lookup import StringLookup as StringLookup
    from highlevel.layers.preprocessing.text_vectorization import (
        TextVectorization as TextVectorization,
    )
    from highlevel.layers.recurrent.bidirectional import Bidirectional as Bidirectional
    from highlevel.layers.recurrent.conv_lstm import ConvLSTM1D as ConvLSTM1D
    from highlevel.layers.recurrent.conv_lstm import ConvLSTM2D as ConvLSTM2D
    from highlevel.layers.recurrent.conv_lstm import ConvLSTM3D as ConvLSTM3D
    from highlevel.layers.recurrent.gru import GRU as GRU
    from highlevel.layers.recurrent.gru import GRUCell as GRUCell
    from highlevel.layers.recurrent.lstm import LSTM as LSTM
    from highlevel.layers.recurrent.lstm import LSTMCell as LSTMCell
    from highlevel.layers.recurrent.rnn import RNN as RNN
    from highlevel.layers.recurrent.simple_rnn import SimpleRNN as SimpleRNN
    from highlevel.layers.recurrent.simple_rnn import SimpleRNNCell as SimpleRNNCell
    from highlevel.layers.recurrent.stacked_cells import StackedRNNCells as StackedRNNCells
    from highlevel.layers.recurrent.time_distributed import TimeDistributed as TimeDistributed
    from highlevel.layers.regularization.activity import (
        ActivityRegularization as ActivityRegularization,
    )
    from highlevel.layers.regularization.dropout import Dropout as Dropout
    from highlevel.layers.regularization.dropout import SpatialDropout1D as SpatialDropout1D
    from highlevel.layers.regularization.dropout import SpatialDropout2D as SpatialDropout2D
    from highlevel.layers.regularization.dropout import SpatialDropout3D as SpatialDropout3D
    from highlevel.layers.regularization.noise import AlphaDropout as AlphaDropout
    from highlevel.layers.regularization.noise import GaussianDropout as GaussianDropout
    from highlevel.layers.regularization.noise import GaussianNoise as GaussianNoise
    from highlevel.layers.reshaping.cropping import Cropping1D as Cropping1D
    from highlevel.layers.reshaping.cropping import Cropping2D as Cropping2D
    from highlevel.layers.reshaping.cropping import Cropping3D as Cropping3D
    from highlevel.layers.reshaping.reshape import Flatten as Flatten
    from highlevel.layers.reshaping.reshape import Permute as Permute
    from highlevel.layers.reshaping.reshape import RepeatVector as RepeatVector
    from highlevel.layers.reshaping.reshape import Reshape as Reshape
    from highlevel.layers.reshaping.up_sampling import UpSampling1D as UpSampling1D
    from highlevel.layers.reshaping.up_sampling import UpSampling2D as UpSampling2D
    from highlevel.layers.reshaping.up_sampling import UpSampling3D as UpSampling3D
    from highlevel.layers.reshaping.zero_padding import ZeroPadding1D as ZeroPadding1D
    from highlevel.layers.reshaping.zero_padding import ZeroPadding2D as ZeroPadding2D
    from highlevel.layers.reshaping.zero_padding import ZeroPadding3D as ZeroPadding3D

    AvgPool1D = AveragePooling1D
    AvgPool2D = AveragePooling2D
    AvgPool3D = AveragePooling3D
    Convolution1D = Conv1D
    Convolution1DTranspose = Conv1DTranspose
    Convolution2D = Conv2D
    Convolution2DTranspose = Conv2DTranspose
    Convolution3D = Conv3D
    Convolution3DTranspose = Conv3DTranspose
    GroupQueryAttention = GroupedQueryAttention
    GlobalAvgPool1D = GlobalAveragePooling1D
    GlobalAvgPool2D = GlobalAveragePooling2D
    GlobalAvgPool3D = GlobalAveragePooling3D
    GlobalMaxPool1D = GlobalMaxPooling1D
    GlobalMaxPool2D = GlobalMaxPooling2D
    GlobalMaxPool3D = GlobalMaxPooling3D
    MaxPool1D = MaxPooling1D
    MaxPool2D = MaxPooling2D
    MaxPool3D = MaxPooling3D
    SeparableConvolution1D = SeparableConv1D
    SeparableConvolution2D = SeparableConv2D

# module → names, in the order of the families
__getattr__, __dir__, __all__ = lazy_package(
    __name__,
    {
        "highlevel.layers.layer": "Layer",
        "highlevel.layers.input_layer": "Input InputLayer",
        "highlevel.layers.input_spec": "InputSpec",
        "highlevel.layers.lookup": "deserialize serialize",
        "highlevel.layers.core.dense": "Dense",
        "highlevel.layers.core.einsum_dense": "EinsumDense",
        "highlevel.layers.core.embedding": "Embedding ReversibleEmbedding",
        "highlevel.layers.core.identity": "Identity",
        "highlevel.layers.core.lambda_layer": "Lambda",
        "highlevel.layers.core.masking": "Masking",
        "highlevel.layers.core.repeat": "Repeat",
        "highlevel.layers.core.wrapper": "Wrapper",
        "highlevel.layers.activation.activation": "Activation",
        "highlevel.layers.activation.rectifiers": "ELU LeakyReLU ReLU",
        "highlevel.layers.activation.prelu": "PReLU",
        "highlevel.layers.activation.softmax": "Softmax",
        "highlevel.layers.convolution.conv": "Conv1D Conv2D Conv3D",
        "highlevel.layers.convolution.depthwise": "DepthwiseConv1D DepthwiseConv2D",
        "highlevel.layers.convolution.separable": "SeparableConv1D SeparableConv2D",
        "highlevel.layers.convolution.transpose":
            "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
        "highlevel.layers.pooling.max_pooling": "MaxPooling1D MaxPooling2D MaxPooling3D",
        "highlevel.layers.pooling.average_pooling":
            "AveragePooling1D AveragePooling2D AveragePooling3D",
        "highlevel.layers.pooling.global_pooling":
            "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D "
            "GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D",
        "highlevel.layers.pooling.adaptive_pooling":
            "AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D "
            "AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D",
        "highlevel.layers.normalization.batch": "BatchNormalization",
        "highlevel.layers.normalization.layer": "LayerNormalization",
        "highlevel.layers.normalization.group": "GroupNormalization",
        "highlevel.layers.normalization.rms": "RMSNormalization",
        "highlevel.layers.normalization.unit": "UnitNormalization",
        "highlevel.layers.normalization.spectral": "SpectralNormalization",
        "highlevel.layers.merging.elementwise":
            "Add Average Maximum Minimum Multiply Subtract add average maximum minimum "
            "multiply subtract",
        "highlevel.layers.merging.concatenate": "Concatenate concatenate",
        "highlevel.layers.merging.dot": "Dot dot",
        "highlevel.layers.reshaping.reshape": "Flatten Permute RepeatVector Reshape",
        "highlevel.layers.reshaping.cropping": "Cropping1D Cropping2D Cropping3D",
        "highlevel.layers.reshaping.zero_padding": "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
        "highlevel.layers.reshaping.up_sampling": "UpSampling1D UpSampling2D UpSampling3D",
        "highlevel.layers.regularization.dropout":
            "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D",
        "highlevel.layers.regularization.noise": "AlphaDropout GaussianDropout GaussianNoise",
        "highlevel.layers.regularization.activity": "ActivityRegularization",
        "highlevel.layers.recurrent.rnn": "RNN",
        "highlevel.layers.recurrent.lstm": "LSTM LSTMCell",
        "highlevel.layers.recurrent.gru": "GRU GRUCell",
        "highlevel.layers.recurrent.simple_rnn": "SimpleRNN SimpleRNNCell",
        "highlevel.layers.recurrent.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
        "highlevel.layers.recurrent.stacked_cells": "StackedRNNCells",
        "highlevel.layers.recurrent.bidirectional": "Bidirectional",
        "highlevel.layers.recurrent.time_distributed": "TimeDistributed",
        "highlevel.layers.attention.multi_head_attention": "MultiHeadAttention",
        "highlevel.layers.attention.grouped_query_attention": "GroupedQueryAttention",
        "highlevel.layers.attention.attention": "Attention",
        "highlevel.layers.attention.additive_attention": "AdditiveAttention",
        "highlevel.layers.interop.jax_layer": "JaxLayer",
        "highlevel.layers.interop.flax_layer": "FlaxLayer",
        "highlevel.layers.preprocessing.pipeline": "Pipeline",
        "highlevel.layers.preprocessing.rescaling": "Rescaling",
        "highlevel.layers.preprocessing.normalization": "Normalization",
        "highlevel.layers.preprocessing.category_encoding": "CategoryEncoding",
        "highlevel.layers.preprocessing.discretization": "Discretization",
        "highlevel.layers.preprocessing.hashing": "Hashing",
        "highlevel.layers.preprocessing.hashed_crossing": "HashedCrossing",
        "highlevel.layers.preprocessing.integer_lookup": "IntegerLookup",
        "highlevel.layers.preprocessing.mel_spectrogram": "MelSpectrogram",
        "highlevel.layers.preprocessing.stft_spectrogram": "STFTSpectrogram",
        "highlevel.layers.preprocessing.string_lookup": "StringLookup",
        "highlevel.layers.preprocessing.text_vectorization": "TextVectorization",
        "highlevel.layers.preprocessing.image": "CenterCrop Resizing",
        "highlevel.layers.preprocessing.augmentation.aug_mix": "AugMix",
        "highlevel.layers.preprocessing.augmentation.brightness": "RandomBrightness RandomContrast",
        "highlevel.layers.preprocessing.augmentation.clahe":
            "ContrastLimitedAdaptiveHistogramEqualization",
        "highlevel.layers.preprocessing.augmentation.color":
            "RandomColorDegeneration RandomGrayscale RandomHue RandomSaturation",
        "highlevel.layers.preprocessing.augmentation.crop": "RandomCrop",
        "highlevel.layers.preprocessing.augmentation.elastic": "RandomElasticTransform",
        "highlevel.layers.preprocessing.augmentation.erasing": "RandomErasing",
        "highlevel.layers.preprocessing.augmentation.filters": "RandomGaussianBlur RandomSharpness",
        "highlevel.layers.preprocessing.augmentation.flip": "RandomFlip",
        "highlevel.layers.preprocessing.augmentation.histograms": "AutoContrast Equalization",
        "highlevel.layers.preprocessing.augmentation.jitter": "RandomColorJitter",
        "highlevel.layers.preprocessing.augmentation.max_boxes": "MaxNumBoundingBoxes",
        "highlevel.layers.preprocessing.augmentation.mixing": "CutMix MixUp",
        "highlevel.layers.preprocessing.augmentation.perspective": "RandomPerspective",
        "highlevel.layers.preprocessing.augmentation.rand_augment": "RandAugment",
        "highlevel.layers.preprocessing.augmentation.rotation": "RandomRotation",
        "highlevel.layers.preprocessing.augmentation.shear": "RandomShear",
        "highlevel.layers.preprocessing.augmentation.tones":
            "RandomInvert RandomPosterization Solarization",
        "highlevel.layers.preprocessing.augmentation.translation": "RandomTranslation",
        "highlevel.layers.preprocessing.augmentation.zoom": "RandomZoom",
    },
    # further names the contract has for the same class
    aliases={
        "AvgPool1D": "highlevel.layers.pooling.average_pooling:AveragePooling1D",
        "AvgPool2D": "highlevel.layers.pooling.average_pooling:AveragePooling2D",
        "AvgPool3D": "highlevel.layers.pooling.average_pooling:AveragePooling3D",
        "Convolution1D": "highlevel.layers.convolution.conv:Conv1D",
        "Convolution1DTranspose": "highlevel.layers.convolution.transpose:Conv1DTranspose",
        "Convolution2D": "highlevel.layers.convolution.conv:Conv2D",
        "Convolution2DTranspose": "highlevel.layers.convolution.transpose:Conv2DTranspose",
        "Convolution3D": "highlevel.layers.convolution.conv:Conv3D",
        "Convolution3DTranspose": "highlevel.layers.convolution.transpose:Conv3DTranspose",
        "GroupQueryAttention":
            "highlevel.layers.attention.grouped_query_attention:GroupedQueryAttention",
        "GlobalAvgPool1D": "highlevel.layers.pooling.global_pooling:GlobalAveragePooling1D",
        "GlobalAvgPool2D": "highlevel.layers.pooling.global_pooling:GlobalAveragePooling2D",
        "GlobalAvgPool3D": "highlevel.layers.pooling.global_pooling:GlobalAveragePooling3D",
        "GlobalMaxPool1D": "highlevel.layers.pooling.global_pooling:GlobalMaxPooling1D",
        "GlobalMaxPool2D": "highlevel.layers.pooling.global_pooling:GlobalMaxPooling2D",
        "GlobalMaxPool3D": "highlevel.layers.pooling.global_pooling:GlobalMaxPooling3D",
        "MaxPool1D": "highlevel.layers.pooling.max_pooling:MaxPooling1D",
        "MaxPool2D": "highlevel.layers.pooling.max_pooling:MaxPooling2D",
        "MaxPool3D": "highlevel.layers.pooling.max_pooling:MaxPooling3D",
        "SeparableConvolution1D": "highlevel.layers.convolution.separable:SeparableConv1D",
        "SeparableConvolution2D": "highlevel.layers.convolution.separable:SeparableConv2D",
    },
)
