"""Keras's layers and operations without multiply-accumulates, listed, so that an unlisted one gets named."""

LAYER_KINDS = {
    "normalization": """
        BatchNormalization GroupNormalization LayerNormalization RMSNormalization UnitNormalization
    """,
    "activation": "Activation ELU LeakyReLU PReLU ReLU Softmax",
    "pooling": """
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
        AdaptiveMaxPooling2D AdaptiveMaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D
        GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
        GlobalMaxPooling2D GlobalMaxPooling3D MaxPooling1D MaxPooling2D MaxPooling3D
    """,
    "merge": "Add Average Concatenate Maximum Minimum Multiply Subtract",
    "shape": """
        Cropping1D Cropping2D Cropping3D Flatten Identity InputLayer Masking Permute RepeatVector Reshape
        UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
    """,
    "regularization": """
        ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D
        SpatialDropout2D SpatialDropout3D StochasticDepth
    """,
    "scale": "CustomScaleLayer LayerScale Normalization Rescaling",
    "lookup": "CategoryEncoding Discretization Embedding Hashing IntegerLookup StringLookup",
    "preprocessing": """
        AutoContrast CenterCrop CutMix Equalization MixUp RandomBrightness RandomColorDegeneration
        RandomColorJitter RandomContrast RandomCrop RandomErasing RandomFlip RandomGrayscale RandomHue
        RandomInvert RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear
        RandomTranslation RandomZoom Resizing Solarization
    """,
}

OPERATION_KINDS = {
    "activation": """
        Celu Elu Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid LogSoftmax Relu
        Relu6 Selu Sigmoid Silu SoftShrink Softmax Softplus Softsign Sparsemax SparsePlus SparseSigmoid
        Squareplus TanhShrink Threshold
    """,
    "pooling": "AdaptiveAveragePool AdaptiveMaxPool AveragePool MaxPool",
    "normalization": "BatchNorm LayerNorm Moments Normalize RMSNorm",
    "shape": """
        Append Array BroadcastTo Cast Concatenate ConvertToTensor Copy CropImages DepthToSpace Diag Diagonal
        Dstack ExpandDims ExtractPatches Flip Fliplr Flipud Fold GetItem Hsplit Hstack Meshgrid Moveaxis
        Ndim Pad PadImages Ravel Rearrange Repeat Reshape Resize Roll Rot90 SaturateCast Scatter
        ScatterUpdate Size Slice SliceUpdate SpaceToDepth Split Squeeze Stack StopGradient Swapaxes Take
        TakeAlongAxis Tile Transpose Tril Triu Unfold Unstack View Vsplit Vstack
    """,
    "elementwise": """
        Absolute Add All AllClose Any Arange Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh BitwiseAnd
        BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor Cbrt Ceil Clip
        Conjugate Cos Cosh Cumprod Cumsum Deg2rad Digitize Divide DivideNoNan EmptyLike Equal Erf Erfc
        Erfinv Exp Exp2 Expm1 Fabs Floor FloorDivide Fmax Fmin Fmod Full FullLike Greater GreaterEqual
        Heaviside Hypot Imag Isclose Isfinite Isinf Isnan Isneginf Isposinf Isreal LeftShift Less LessEqual
        Log Log10 Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor Maximum Minimum
        Mod Multiply MultiHot NanToNum Negative NotEqual OneHot OnesLike Outer Power Rad2deg Real Reciprocal
        RGBToGrayscale RightShift Round Rsqrt Select Sign Signbit Sin Sinc Sinh Sqrt Square Subtract Tan
        Tanh TrueDivide Trunc Where ZerosLike
    """,
    "reduction": """
        Amax Amin Argmax Argmin Argpartition Argsort Average Bincount CountNonzero Diff InTopK Logsumexp Max
        Mean Median Min Nanmax Nanmean Nanmin Nansum Nanstd Nanvar Nonzero Norm Percentile Prod Ptp Quantile
        SearchSorted SegmentReduction Sort Std Sum TopK Trace Unique Var
    """,
}


def _by_name(kinds):
    return {name: kind for kind, names in kinds.items() for name in names.split()}


LAYERS = _by_name(LAYER_KINDS)
OPERATIONS = _by_name(OPERATION_KINDS)

# A view of the same numbers, or nothing at all when the model is not training: no new tensor is handed on.
PASSING = frozenset(
    """
    ActivityRegularization AlphaDropout ConvertToTensor Dropout ExpandDims Flatten GaussianDropout
    GaussianNoise Identity InputLayer Ravel Reshape SpatialDropout1D SpatialDropout2D SpatialDropout3D
    Squeeze StochasticDepth StopGradient View
    """.split()
)
