"""`gpc run`: a plan's runs in order, those that have a record left out."""

from dataclasses import replace
from pathlib import Path

from gpc.cli import _common
from gpc.cli.train import RECORDS, RUNS


def add(commands):
    """Tells argparse about the command."""
    found = _common.command(
        commands,
        "run",
        run,
        short="run a plan: models × data × recipes × seeds, each to its record",
        text=(
            "Runs what a plan lists and has no record yet: all models with the first seed, then all with "
            "the second. Cut by Ctrl-C, a kill or --minutes, the same command line goes on where it was. A "
            "run that fails is told, and the rest goes on. Exit status: 0 nothing is left, 1 something "
            "failed, 3 runs are left."
        ),
        examples=[
            "gpc run                                    the plans that there are",
            "gpc run cifar10 --missing                  what lacks a record, and how long that takes",
            "gpc run cifar10 --minutes 8                as far as eight minutes go",
            "gpc run cifar10 --rehearse                 every model once, in short; nothing in data/records",
            "gpc run cifar10 --epochs 1 --limit 400     longer, as the recipe has its batches",
            "gpc run pets --rehearse --on leaves        where the plan's own images are not at hand",
            "gpc run cpu-digits --seeds 0 --models MobileNet-small",
        ],
    )
    found.add_argument("plan", nargs="?", metavar="PLAN", help="a name in data/plans, or a .toml file")
    _add_choice(found)
    _add_keeping(found)


def _add_choice(parser):
    what = parser.add_argument_group("what")
    what.add_argument("--missing", action="store_true", help="only tell what lacks a record, and its time")
    what.add_argument(
        "--measure", action="store_true", help="with --missing: time a few steps where no record tells"
    )
    what.add_argument("--models", metavar="A,B", help="only these rows")
    what.add_argument("--seeds", metavar="0,1", help="only these seeds")
    what.add_argument("--epochs", type=int, metavar="N", help="a rehearsal of N epochs a run")
    what.add_argument("--limit", type=int, metavar="N", help="a rehearsal on N images of all splits together")
    what.add_argument(
        "--rehearse",
        action="store_true",
        help="each model once, from the first seed: an epoch on a dozen images, cut and continued",
    )
    what.add_argument(
        "--on", metavar="NAME", help="a rehearsal on this data set, not the plan's own: leaves, cells, …"
    )
    what.add_argument("--dry-run", action="store_true", help="the same as --missing")


def _add_keeping(parser):
    keeping = parser.add_argument_group("keeping")
    keeping.add_argument("--minutes", type=float, metavar="N", help="stop after N minutes, all runs together")
    keeping.add_argument("--records", default=RECORDS, metavar="DIR", help=f"default: {RECORDS}")
    keeping.add_argument("--runs", default=RUNS, metavar="DIR", help=f"of checkpoints (default: {RUNS})")
    keeping.add_argument(
        "--data-folder", metavar="DIR", help="where data lie (default: GPC_DATA, else a cache)"
    )
    keeping.add_argument("--devices", default="1", metavar="WHICH", help="as of `gpc train` (default: 1)")
    keeping.add_argument("--checkpoint-minutes", type=float, default=5.0, metavar="N", help="default: 5")
    keeping.add_argument(
        "--nondeterministic", action="store_true", help="allow faster kernels; resuming is then not exact"
    )


def run(asked):
    """Lists plans, or what is missing, or follows one."""
    from gpc.train import plans

    if asked.plan is None:
        return _list(plans)
    plan = plans.read(asked.plan)
    chosen = _chosen(plan, asked)
    _common.start_keras()
    if asked.missing or asked.dry_run:
        return _missing(plan, chosen, asked)
    return _follow(plan, chosen, asked)


def _list(plans):
    found = [plans.read(path) for path in sorted(plans.home().glob("*.toml"))]
    if not found:
        raise FileNotFoundError(
            f"no plans in {plans.home()}; run this in the course's folder, or give a file"
        )
    width = max(len(plan.name) for plan in found)
    for plan in found:
        print(f"{plan.name.ljust(width)}  {len(plan.items()):3} runs  {plan.title}")
    return 0


def _chosen(plan, asked):
    """Whether a run was asked for. Raises ValueError for a model or seed that the plan does not have."""
    from gpc.train.plan_fields import Wrong

    names = tuple(one.name for one in plan.rows)
    models = [one.strip() for one in asked.models.split(",")] if asked.models else names
    for name in models:
        Wrong.unless_known("--models", name, names)
    seeds = [str(seed) for seed in (plan.seeds[:1] if asked.rehearse else plan.seeds)]
    seeds = asked.seeds.split(",") if asked.seeds else seeds
    for seed in seeds:
        Wrong.unless_known("--seeds", seed.strip(), tuple(str(one) for one in plan.seeds))
    seeds = {int(seed) for seed in seeds}
    return lambda item: item.row.name in models and item.seed in seeds


def _missing(plan, chosen, asked):
    from gpc.train import forecast

    lines = forecast.forecast(
        plan, asked.records, chosen, measure=asked.measure, data_folder=asked.data_folder
    )
    print("\n".join(forecast.told(plan, lines)))
    return 3 if any(line.state.status != "there" for line in lines) else 0


def _follow(plan, chosen, asked):
    from gpc._checks import minutes, positive
    from gpc.data import profile
    from gpc.train.following import SHORTEST, Following, Rehearsal

    profile()  # asked once, where it is wrong: not by each run
    if asked.minutes is not None:
        minutes("--minutes", asked.minutes)
    minutes("--checkpoint-minutes", asked.checkpoint_minutes)
    given = {name: value for name in ("epochs", "limit") if (value := getattr(asked, name)) is not None}
    for name, value in given.items():
        positive(f"--{name}", value)
    rehearsal = replace(SHORTEST if asked.rehearse else Rehearsal(), **given)
    if asked.on is not None:
        rehearsal = _on(asked.on, rehearsal)
    if rehearsal:
        where = f" on {rehearsal.on}" if rehearsal.on else ""
        print(f"a rehearsal{where}: records only in {Path(asked.runs) / 'rehearsal'}")
    outcome = Following(
        plan,
        records=asked.records,
        runs=asked.runs,
        rehearsal=rehearsal,
        minutes=asked.minutes,
        folder=asked.data_folder,
        say=lambda line: print(line, flush=True),
        devices=int(asked.devices) if asked.devices.lstrip("-").isdigit() else asked.devices,
        checkpoint_minutes=asked.checkpoint_minutes,
        deterministic=not asked.nondeterministic,
    ).go(chosen)
    _close(plan, outcome)
    return outcome.status


def _on(name, rehearsal):
    """The rehearsal on a data set that stands in. Raises ValueError for one unknown, and for no rehearsal."""
    from gpc import data
    from gpc.train.plan_fields import Wrong

    if not rehearsal:
        raise ValueError(f"--on {name} is for a rehearsal; add --rehearse, --epochs or --limit")
    Wrong.unless_known("--on", name, data.names())
    return replace(rehearsal, on=name)


def _close(plan, outcome):
    counts = f"{len(outcome.done)} done, {len(outcome.failed)} failed, {len(outcome.left)} left"
    print(f"{plan.name}: {counts}")
    for name, reason in outcome.failed.items():
        print(f"  failed: {name}: {reason}")
    if outcome.left:
        print("  the same command line goes on from there")
