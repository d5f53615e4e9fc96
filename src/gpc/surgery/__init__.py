"""A built Keras model changed into another: pointwise layers grouped, strides left out, batch norms folded.

`regroup`, `fold`, `skip_strides`, `separate` and `change_layers` make a new model, in which layers that stay
keep their weights, and leave the original as it is. `change_layers` exchanges single layers, `separate` takes
windows apart; `thin` makes a network with a share of the filters, all freshly drawn. `transfer_weights`
changes its target: it carries what was learned from one built model to another, as far as it fits, from a
trained dense network to what `regroup` makes of it, or to one with other classes. `stride_levels` and
`matching_width` return numbers, no model.
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
