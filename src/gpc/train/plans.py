"""Plans: tables of runs in TOML files, read and checked before anything is computed.

A plan is an experiment: models × data × recipes × seeds. Reading one starts no backend; what only Keras knows
(a network's options) is checked when it is built, with the same words.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from gpc._checks import hint
from gpc.train.plan_fields import DATA, PLAN, RECIPE, ROW, Wrong, checked
from gpc.train.recipes import Recipe, recipe as named_recipe
from gpc.train.records import file_name


@dataclass(frozen=True)
class Row:
    """One model of a plan.

    name         what its records call it
    network      as `gpc.models.build` knows it (default: the name); `options` go to its constructor, "none"
                 as None, for which TOML has no word
    skip_strides, separate, width, divisor, regroup   what `gpc.surgery` makes of it, in this order: stride
                 levels left out, windows taken apart into depthwise and pointwise, `thin` to a share of its
                 filters, pointwise layers grouped by so many channels
    colours      "lab" puts `gpc.layers.RGBToLab` in front
    recipe       fields of the recipe that differ for this row
    control_of   the row whose parameters this one is to have, within 2%
    time_of, like   trained as long as the row `time_of` takes, on the clock: `like` is the row that it is
                 otherwise; the epochs follow from records of both
    """

    name: str
    network: str
    options: dict = field(default_factory=dict)
    skip_strides: int = 0
    separate: bool = False
    width: float | None = None
    divisor: int = 8
    regroup: int | None = None
    colours: str | None = None
    recipe: dict = field(default_factory=dict)
    control_of: str | None = None
    time_of: str | None = None
    like: str | None = None

    def told(self):
        """The options as a record keeps them: all that makes this model another than the network's own."""
        named = ("skip_strides", "separate", "width", "divisor", "regroup", "colours")
        found = {name: getattr(self, name) for name in named if getattr(self, name)}
        if self.width is None:
            found.pop("divisor")
        return {"network": self.network, **self.options, **found}


@dataclass(frozen=True)
class Data:
    """A data set as `gpc.data.load` takes it; `classes`, some of the set's own, and `part`, the pictures that
    are there, where it has that option."""

    name: str
    seed: int = 0
    size: int | None = None
    count: int | None = None
    classes: tuple = ()
    part: bool = False

    @property
    def called(self):
        """Its name in records: with some of its classes or pictures alone it is a part.

        >>> Data("oxford_pets", classes=("Bengal",)).called, Data("digits").called
        ('oxford_pets_part', 'digits')
        """
        return f"{self.name}_part" if self.classes or self.part else self.name

    def load(self, folder=None, *, count=None):
        """The data set, read from `folder`; `count` images of all splits together instead of its own."""
        from gpc import data

        options = {name: value for name in ("classes", "part") if (value := getattr(self, name))}
        count = self.count if count is None else count
        return data.load(self.name, seed=self.seed, size=self.size, count=count, folder=folder, **options)


@dataclass(frozen=True)
class Item:
    """One run of a plan: a row, on data, by a recipe, from a seed. Of a row with `time_of` the recipe's
    epochs are not the last word: `gpc.train.planning.timed` says them."""

    experiment: str
    row: Row
    data: Data
    recipe: Recipe
    seed: int
    name: str

    @property
    def file(self):
        """The name of its record."""
        return file_name(self.experiment, self.name, self.data.called, self.seed)

    def __str__(self):
        return f"{self.name} on {self.data.called}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """What `read` returns; `items()` are its runs in order."""

    name: str
    path: Path
    experiment: str
    title: str
    rows: tuple
    data: tuple
    recipes: tuple
    seeds: tuple

    def row(self, name):
        """The row of this name."""
        return next(one for one in self.rows if one.name == name)

    def items(self):
        """Every run: all models with the first seed before any with the second."""
        return tuple(
            Item(self.experiment, row, data, recipe.but(**row.recipe), seed, row.name + suffix)
            for seed in self.seeds
            for data in self.data
            for suffix, recipe in self.recipes
            for row in self.rows
        )


def home():
    """The nearest `data/plans` at or above the working folder; its own where there is none."""
    here = Path.cwd()
    places = [one / "data" / "plans" for one in (here, *here.parents)]
    return next((one for one in places if one.is_dir()), places[0])


def find(name):
    """The file of a plan, given by its path or by its name in `home()`.

    Raises FileNotFoundError naming the plans that there are.
    """
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path
    if path.suffix == ".toml":
        there = sorted(one.name for one in path.parent.glob("*.toml"))
        told = f"no file {path}; there are: {', '.join(there) or 'none'}"
        raise FileNotFoundError(f"{told}{hint(path.name, there)}")
    path = home() / f"{name}.toml"
    if not path.is_file():
        there = sorted(one.stem for one in home().glob("*.toml"))
        told = f"no plan {str(name)!r} in {home()}; there are: {', '.join(there) or 'none'}"
        raise FileNotFoundError(f"{told}{hint(name, there)}")
    return path


def read(name):
    """The plan of this name or in this file.

    Raises FileNotFoundError where it is not, ValueError naming file, row and field of what is wrong in it,
    and the nearest that is right.
    """
    path = find(name)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return _plan(path, table)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no TOML: {error}") from None
    except RecursionError:
        raise ValueError(f"{path}: tables and lists stand in one another too deep to be read") from None
    except Wrong as error:
        raise ValueError(f"{path}: {error}") from None


def _plan(path, table):
    table = checked(table, PLAN, "the plan")
    seeds = tuple(table.get("seeds", (0, 1, 2)))
    if len(set(seeds)) < len(seeds) or not seeds:
        raise Wrong(f"the plan: seeds={list(seeds)} must be different numbers, one at least; nearest: [0]")
    found = Plan(
        name=path.stem,
        path=path,
        experiment=table["experiment"],
        title=table.get("title", table["experiment"]),
        rows=_rows(table["models"]),
        data=tuple(_data(one, place) for place, one in enumerate(_list(table["data"]), 1)),
        recipes=tuple(_recipe(one, place) for place, one in enumerate(_list(table["recipe"]), 1)),
        seeds=seeds,
    )
    _check_items(found)
    return found


def _list(value):
    return value if isinstance(value, list) else [value]


def _data(one, place):
    from gpc import data

    found = checked({"name": one} if isinstance(one, str) else one, DATA, f"data {place}")
    Wrong.unless_known(f"data {place}: name", found["name"], data.names())
    return Data(**{**found, "classes": tuple(found.get("classes", ()))})


def _recipe(one, place):
    """(what is put behind the models' names, the recipe)"""
    found = checked({"name": one} if isinstance(one, str) else one, RECIPE, f"recipe {place}", open=True)
    suffix = f" {found.pop('as')}" if "as" in found else ""
    called = {"name": found.pop("called")} if "called" in found else {}
    try:
        return suffix, named_recipe(found.pop("name"), **_nones(found)).but(**called)
    except (ValueError, TypeError) as error:
        raise Wrong(f"recipe {place}: {error}") from None


def _rows(tables):
    found = []
    for place, table in enumerate(tables, 1):
        table = checked(table, ROW, f"model {place}")
        where = f"model {place} ({table['name']})"
        known = {one.name: one for one in found}
        if table["name"] in known:
            raise Wrong(f"{where}: name={table['name']!r} is there twice; records go by it")
        if ("time_of" in table) != ("like" in table):
            raise Wrong(f"{where}: time_of and like go together: as long as one row, otherwise as another")
        for name in ("control_of", "time_of", "like"):
            if name in table:
                Wrong.unless_known(f"{where}: {name}", table[name], tuple(known))
        found.append(_row(table, known))
    return tuple(found)


def _row(table, known):
    table = {name: _nones(value) if isinstance(value, dict) else value for name, value in table.items()}
    if "like" not in table:
        return Row(**{"network": table["name"], **table})
    like = known[table["like"]]
    own = ("name", "control_of", "time_of", "like")
    return Row(**{name: value for name, value in vars(like).items() if name not in own} | table)


def _nones(table):
    return {name: None if value == "none" else value for name, value in table.items()}


def _check_items(plan):
    files = {}
    for row in plan.rows:
        for _, recipe in plan.recipes:
            try:
                recipe.but(**row.recipe)
            except (ValueError, TypeError) as error:
                raise Wrong(f"model ({row.name}): recipe: {error}") from None
    for one in plan.items():
        if one.file.lower() in files:
            other = files[one.file.lower()]
            raise Wrong(
                f'{one} and {other} would both write {one.file}; give one of the recipes as = "…", '
                "which is put behind the models' names"
            )
        files[one.file.lower()] = one
