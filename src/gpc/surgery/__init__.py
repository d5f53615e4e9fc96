"""A built Keras model changed into another: its pointwise convolutions grouped, first strides left out."""

from gpc.surgery.change import change_layers
from gpc.surgery.regroup import Regrouped, regroup
from gpc.surgery.report import Report, Row
from gpc.surgery.strides import skip_strides, stride_levels

__all__ = ["Regrouped", "Report", "Row", "change_layers", "regroup", "skip_strides", "stride_levels"]
