"""A built Keras model changed into another: pointwise layers grouped, strides left out, batch norms folded.

Each returns a new model, in which layers that stay keep their weights, and leaves the original as it is.
`change_layers` exchanges single layers; `thin` keeps a share of the filters, `separate` takes windows apart.
`transfer_weights` carries what was learned from one built model to another, as far as it fits: from a trained
dense network to what `regroup` makes of it, or to one with other classes.
"""

from gpc.surgery.change import change_layers
from gpc.surgery.fold import Folded, FoldReport, FoldRow, fold
from gpc.surgery.regroup import Regrouped, regroup
from gpc.surgery.report import Report, Row
from gpc.surgery.separate import separate
from gpc.surgery.strides import skip_strides, stride_levels
from gpc.surgery.thin import matching_width, thin
from gpc.surgery.transfer import Transfer, Transferred, transfer_weights

__all__ = [
    "FoldReport",
    "FoldRow",
    "Folded",
    "Regrouped",
    "Report",
    "Row",
    "Transfer",
    "Transferred",
    "change_layers",
    "fold",
    "matching_width",
    "regroup",
    "separate",
    "skip_strides",
    "stride_levels",
    "thin",
    "transfer_weights",
]
