"""From a recipe to a record: training that can be killed at any moment and ends with the same numbers.

>>> import gpc
>>> sorted(gpc.train.recipes())
['modern', 'papers-180', 'papers-224', 'papers-32', 'quick', 'segmentation']

`fit(model, data, recipe)` trains, checkpoints, resumes and writes a record; `records` reads them back;
`study` does it for several models and seeds, `plans` reads tables of such runs. Nothing here starts a Keras backend before `fit` is called.
"""

from gpc.train import plans, records
from gpc.train.loop import fit
from gpc.train.recipes import Recipe, equal_time, recipe, recipes
from gpc.train.run import Diverged, Run
from gpc.train.study import study

__all__ = ["Diverged", "Recipe", "Run", "equal_time", "fit", "plans", "recipe", "recipes", "records", "study"]
