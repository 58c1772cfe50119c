"""Layers, by family in folders; every public name is importable from here."""

from __future__ import annotations

from highlevel._lazy import lazy_package

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
        "highlevel.layers.recurrent.stacked_cells": "StackedRNNCells",
        "highlevel.layers.recurrent.bidirectional": "Bidirectional",
        "highlevel.layers.recurrent.time_distributed": "TimeDistributed",
        "highlevel.layers.attention.multi_head_attention": "MultiHeadAttention",
        "highlevel.layers.attention.grouped_query_attention": "GroupedQueryAttention",
        "highlevel.layers.attention.attention": "Attention",
        "highlevel.layers.attention.additive_attention": "AdditiveAttention",
        "highlevel.layers.preprocessing.rescaling": "Rescaling",
        "highlevel.layers.preprocessing.normalization": "Normalization",
        "highlevel.layers.preprocessing.category_encoding": "CategoryEncoding",
        "highlevel.layers.preprocessing.discretization": "Discretization",
        "highlevel.layers.preprocessing.image": "CenterCrop Resizing",
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
