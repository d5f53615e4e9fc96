"""Who reaches whom in a 1×1 convolution: groups, interleaving, and the plan that replaces a dense one.

Plain integers and NumPy, no backend. A wiring is an array of zeros and ones of shape (in_channels, filters):
entry (i, o) is 1 where input channel i can change output o. Two layers after each other are a matrix product
(`chain`).

Sources: Schwarz Schuler, Romani, Abdel-Nasser, Rashwan, Puig: "Grouped Pointwise Convolutions Reduce
Parameters in Convolutional Neural Networks", MENDEL 28(1), 2022 (scheme "divisible"), and "An Enhanced Scheme
for Reducing the Complexity of Pointwise Convolutions in CNNs for Image Classification Based on Interleaved
Grouped Filters without Divisibility Constraints", Entropy 24(9), 2022 (scheme "interleaved"). The shuffle is
ShuffleNet's (Zhang et al., CVPR 2018).
"""

from gpc.wiring.groups import Grouping, grouping
from gpc.wiring.plans import SCHEMES, Plan, plan
from gpc.wiring.reach import chain, coverage, group_matrix, interleave, permutation_matrix, shuffle

__all__ = [
    "SCHEMES",
    "Grouping",
    "Plan",
    "chain",
    "coverage",
    "group_matrix",
    "grouping",
    "interleave",
    "permutation_matrix",
    "plan",
    "shuffle",
]
