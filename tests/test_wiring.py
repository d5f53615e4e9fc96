"""The wiring room: plans against the authors' library, reach against a loop, orders against their algebra."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpc import wiring

GOLDEN = Path(__file__).parent / "golden"
FAMILIES = {"D6": "divisible", "D6v3": "interleaved"}

channels = st.integers(1, 90)
widths = st.integers(1, 40)
schemes = st.sampled_from(wiring.SCHEMES)
many = settings(max_examples=200, deadline=None)


# What the authors' library builds


def golden_layers():
    return json.loads((GOLDEN / "golden_layers.json").read_text())["layers"]


def replaced_layers():
    nets = json.loads((GOLDEN / "replaced_layers.json").read_text())["models"]
    return [(net, *row) for net, rows in nets.items() for row in rows]


@pytest.mark.parametrize("row", golden_layers(), ids=lambda r: f"{r['C_in']}-{r['filters']}-{r['m']}")
def test_one_layer_as_the_library_builds_it(row):
    plan = wiring.plan(row["C_in"], row["filters"], row["m"], scheme=FAMILIES[row["family"]])
    assert plan.kind == row["kind"]
    assert [list(c) for c in plan.convolutions] == row["convs"]
    assert plan.shuffle == row["interleave"]
    assert (plan.l is not None) == row["L"]
    assert plan.kernel_parameters == row["kernel_params"]
    assert (plan.k.groups if plan.replaced else None) == row["g"]


def test_every_replaced_layer_of_five_nets():
    seen = 0
    for net, name, in_channels, filters, kind, convolutions, step, *_ in replaced_layers():
        if "kType=0" in kind:  # left dense by the builder, whatever the rule says
            continue
        family, width = net.split("|")[1].removesuffix("ch").split("_")
        plan = wiring.plan(in_channels, filters, int(width), scheme=FAMILIES[family])
        got = plan.kind, [list(c) for c in plan.convolutions], plan.shuffle
        assert got == (kind, convolutions, step), f"{net} {name}: {plan}"
        seen += 1
    assert seen == 228


@pytest.mark.parametrize(
    ("net", "scheme", "width", "kinds"),
    [
        ("kEfficientNetB0|D6_16ch", "divisible", 16, (32, 17, 15)),
        ("kEfficientNetB0|D6_16ch", "divisible", 32, (30, 11, 23)),
        ("kEfficientNetB0|D6_16ch", "interleaved", 16, (30, 25, 9)),
        ("kEfficientNetB0|D6_16ch", "interleaved", 32, (30, 17, 17)),
    ],
)
def test_how_many_of_efficientnets_layers_are_replaced(net, scheme, width, kinds):
    plans = [wiring.plan(r[2], r[3], width, scheme=scheme) for r in replaced_layers() if r[0] == net]
    assert tuple(sum(p.kind == kind for p in plans) for kind in ("K+L", "K", "dense")) == kinds


@pytest.mark.parametrize(
    ("sizes", "kernel", "convolutions", "step"),
    [
        ((1020, 250, 16), 8000, ((1024, 192, 64), (928, 58, 58), (256, 240, 16), (160, 10, 10)), 15),
        ((1152, 320, 16), 10240, ((1152, 288, 72), (512, 32, 32), (320, 320, 20)), 20),
        ((480, 80, 32), 5120, ((480, 75, 15), (160, 5, 5), (96, 78, 3), (64, 2, 2)), 2),
        ((48, 8, 32), 384, ((48, 8, 1),), None),
    ],
)
def test_the_enhanced_scheme_where_nothing_divides(sizes, kernel, convolutions, step):
    plan = wiring.plan(*sizes)
    assert (plan.kernel_parameters, plan.convolutions, plan.shuffle) == (kernel, convolutions, step)


# A loop that carries, for every channel, the set of input channels it has seen


def slow_grouped(x, filters, groups):
    reads, owns = len(x) // groups, filters // groups
    assert reads * groups == len(x) and owns * groups == filters
    outputs = [set().union(*x[j * reads : (j + 1) * reads]) for j in range(groups) for _ in range(owns)]
    return outputs, reads * filters


def slow_interleave(x, step):
    return [x[i] for start in range(step) for i in range(start, len(x), step)]


def slow_without_divisibility(x, filters, width):
    groups = min(-(-len(x) // width), filters)
    if groups <= 1:
        return [set().union(*x)] * filters, len(x) * filters, 1
    reads = width if groups * width >= len(x) else -(-len(x) // groups)
    x = x + x[: groups * reads - len(x)]
    extra = filters % groups
    main, parameters = slow_grouped(x, filters - extra, groups)
    more, further = slow_grouped(x[: reads * extra], extra, extra) if extra else ([], 0)
    return main + more, parameters + further, groups


def slow_interleaved(x, filters, width):
    if not (len(x) > 2 * width or filters > len(x) > width):
        return [set().union(*x)] * filters, len(x) * filters
    k, parameters, groups = slow_without_divisibility(x, filters, width)
    if groups <= 1 or len(x) < filters:
        return k, parameters
    step = filters // width
    u = slow_interleave(k, step) if step > 1 else k
    second, further, _ = slow_without_divisibility(u, filters, width)
    return [a | b for a, b in zip(k, second)], parameters + further


def slow_divisible(x, filters, width):
    limit = min(len(x), filters, max(1, len(x) // width))
    groups = next(d for d in range(limit, 0, -1) if len(x) % d == filters % d == 0)
    k, parameters = slow_grouped(x, filters, groups)
    if groups < 2:
        return k, parameters
    u = slow_interleave(k, filters // groups)
    if len(x) < filters:
        return u, parameters
    second, further = slow_grouped(u, filters, groups)
    return [a | b for a, b in zip(k, second)], parameters + further


def as_matrix(in_channels, outputs):
    return np.array([[i in seen for seen in outputs] for i in range(in_channels)], np.uint8)


@many
@given(channels, channels, widths, schemes)
def test_a_plan_reaches_what_a_loop_reaches(in_channels, filters, width, scheme):
    slow = {"interleaved": slow_interleaved, "divisible": slow_divisible}[scheme]
    outputs, parameters = slow([{i} for i in range(in_channels)], filters, width)
    plan = wiring.plan(in_channels, filters, width, scheme=scheme)
    expected = as_matrix(in_channels, outputs)
    np.testing.assert_array_equal(plan.connectivity(), expected)
    assert plan.kernel_parameters == plan.macs_per_pixel == parameters
    assert plan.coverage == expected.mean()


@many
@given(channels, channels, widths)
def test_a_grouping_reaches_what_a_loop_reaches(in_channels, filters, width):
    outputs, parameters, groups = slow_without_divisibility([{i} for i in range(in_channels)], filters, width)
    grouping = wiring.grouping(in_channels, filters, channels_per_group=width)
    np.testing.assert_array_equal(grouping.connectivity(), as_matrix(in_channels, outputs))
    assert (grouping.kernel_parameters, grouping.groups) == (parameters, groups)


@many
@given(st.data(), channels, channels)
def test_groups_given_by_number(data, in_channels, filters):
    groups = data.draw(st.integers(1, min(in_channels, filters)))
    grouping = wiring.grouping(in_channels, filters, groups=groups)
    matrix = grouping.connectivity()
    assert grouping.groups == groups
    assert matrix.any(axis=1).all(), "an input channel that nothing reads"
    assert (matrix.sum(axis=0) == grouping.channels_per_group).all()
    assert matrix.sum() == grouping.kernel_parameters
    assert grouping.repeated == groups * grouping.channels_per_group - in_channels < in_channels
    owned = np.bincount(grouping.owners, minlength=groups)
    assert owned.max() - owned.min() == (1 if grouping.extra else 0)
    for filter_, group in enumerate(grouping.owners):
        assert set(np.flatnonzero(matrix[:, filter_])) == set(grouping.reads[group])


@many
@given(channels, channels, widths)
def test_convolutions_divide_and_hold_the_kernel(in_channels, filters, width):
    for scheme in wiring.SCHEMES:
        plan = wiring.plan(in_channels, filters, width, scheme=scheme)
        assert all(c % g == f % g == 0 for c, f, g in plan.convolutions)
        assert sum(c // g * f for c, f, g in plan.convolutions) == plan.kernel_parameters


def test_a_grouped_product_in_numpy_touches_only_what_the_wiring_says():
    rng = np.random.default_rng(0)
    grouping = wiring.grouping(10, 7, groups=4)
    kernel = rng.normal(size=(grouping.channels_per_group, 7))
    dense = np.zeros((10, 7))
    for filter_, group in enumerate(grouping.owners):
        dense[grouping.reads[group], filter_] += kernel[:, filter_]
    np.testing.assert_array_equal(dense != 0, grouping.connectivity())
    x = rng.normal(size=10)
    looped = [x[grouping.reads[g]] @ kernel[:, o] for o, g in enumerate(grouping.owners)]
    np.testing.assert_allclose(x @ dense, looped)


# Refusals


ABOVE = "in_channels={} is not above {}channels_per_group={}; {}".format
SHARED = "in_channels={} and filters={} {}".format


@pytest.mark.parametrize(
    ("sizes", "scheme", "reason"),
    [
        ((32, 16, 16), "interleaved", ABOVE(32, "2 × ", 16, "nearest that splits: 15")),
        ((16, 96, 16), "interleaved", ABOVE(16, "", 16, "nearest that splits: 15")),
        ((2, 2, 1), "interleaved", ABOVE(2, "2 × ", 1, "too few channels to split")),
        ((20, 1, 4), "interleaved", "one filter cannot be split into groups"),
        (
            (40, 240, 32),
            "divisible",
            "in_channels=40 holds fewer than 2 groups of channels_per_group=32; nearest that splits: 20",
        ),
        (
            (35, 48, 4),
            "divisible",
            SHARED(35, 48, "have no common divisor but 1; scheme='interleaved' needs none"),
        ),
        (
            (105, 49, 16),
            "divisible",
            SHARED(105, 49, "share no divisor between 2 and in_channels // channels_per_group=6; ")
            + "nearest that splits: 15",
        ),
    ],
)
def test_what_is_refused_says_why(sizes, scheme, reason):
    plan = wiring.plan(*sizes, scheme=scheme)
    assert (plan.kind, plan.replaced, plan.reason, plan.coverage) == ("dense", False, reason, 1.0)
    assert plan.kernel_parameters == plan.dense_parameters == sizes[0] * sizes[1]
    assert str(plan) == f"{sizes[0]} → {sizes[1]}: dense, {reason}"


@many
@given(channels, channels, widths, schemes)
def test_the_width_that_a_refusal_names_is_the_widest_that_splits(in_channels, filters, width, scheme):
    plan = wiring.plan(in_channels, filters, width, scheme=scheme)
    splits = [wiring.plan(in_channels, filters, m, scheme=scheme).replaced for m in range(1, in_channels + 1)]
    if plan.replaced:
        assert plan.kernel_parameters > 0 and "nearest" not in plan.reason
    elif "nearest that splits: " in plan.reason:
        nearest = int(plan.reason.rsplit(" ", 1)[1])
        assert splits[nearest - 1] and not any(splits[nearest:])
    else:
        assert not any(splits)


# What crosses the groups


@pytest.mark.parametrize(
    ("width", "total", "share"), [(16, 256, 1.0), (16, 512, 0.5), (16, 1024, 0.25), (32, 1024, 1.0)]
)
def test_two_grouped_layers_and_a_shuffle_cover_all_up_to_the_square_of_the_width(width, total, share):
    grouped = wiring.group_matrix(total, total, total // width)
    moved = wiring.permutation_matrix(wiring.shuffle(total, total // width))
    assert wiring.coverage(wiring.chain(grouped, moved, grouped)) == share
    assert wiring.coverage(wiring.chain(grouped, grouped)) == width / total, "nothing crosses unshuffled"
    plan = wiring.plan(total, total, width)
    assert wiring.coverage(plan.connectivity(skip=False)) == share
    assert share <= plan.coverage <= share + width / total


def test_expansions_leave_interleaved_in_the_divisible_scheme_only():
    first, second = (wiring.plan(96, 192, 16, scheme=s) for s in ("divisible", "interleaved"))
    assert (first.kind, first.shuffle, first.shuffle_output) == ("K", 32, True)
    assert (second.kind, second.shuffle, second.shuffle_output) == ("K", None, False)
    np.testing.assert_array_equal(first.connectivity(), first.k.connectivity()[:, wiring.interleave(192, 32)])
    assert not wiring.plan(192, 96, 16).shuffle_output


# Permutations


@many
@given(st.integers(1, 12), st.integers(1, 12))
def test_shuffle_is_reshape_transpose_flatten_and_has_its_inverse(groups, per_group):
    total = groups * per_group
    x = np.arange(total) * 10
    order = wiring.shuffle(total, groups)
    np.testing.assert_array_equal(x[order], x.reshape(groups, per_group).T.ravel())
    np.testing.assert_array_equal(x[order][wiring.shuffle(total, per_group)], x)
    np.testing.assert_array_equal(order, wiring.interleave(total, per_group))
    np.testing.assert_array_equal(
        wiring.chain(
            wiring.permutation_matrix(order), wiring.permutation_matrix(wiring.shuffle(total, per_group))
        ),
        np.eye(total),
    )


@many
@given(st.data(), st.integers(1, 80))
def test_interleave_takes_every_stepth_channel(data, total):
    step = data.draw(st.integers(1, total))
    order = wiring.interleave(total, step)
    assert order.tolist() == slow_interleave(list(range(total)), step)
    assert sorted(order) == list(range(total))


def test_permutation_matrix_moves_a_vector():
    order, x = wiring.interleave(7, 3), np.arange(7) + 1
    np.testing.assert_array_equal(x @ wiring.permutation_matrix(order), x[order])


@many
@given(st.lists(st.integers(1, 6), min_size=2, max_size=5), st.integers(0, 2**32 - 1))
def test_chain_is_the_sign_of_the_product(sizes, seed):
    rng = np.random.default_rng(seed)
    matrices = [rng.integers(0, 2, (a, b)) for a, b in zip(sizes, sizes[1:])]
    product = matrices[0] if len(matrices) == 1 else np.linalg.multi_dot([m.astype(float) for m in matrices])
    np.testing.assert_array_equal(wiring.chain(*matrices), product > 0)


# Bad input


BAD = {
    "in_channels=0 must be at least 1; nearest that works: 1": lambda: wiring.plan(0, 8),
    "filters=-3 must be at least 1; nearest that works: 1": lambda: wiring.plan(8, -3),
    "filters=16.0 must be an integer of at least 1; nearest that works: 16": lambda: wiring.plan(8, 16.0),
    "filters=inf must be an integer of at least 1": lambda: wiring.plan(8, float("inf")),
    "filters=True must be an integer of at least 1": lambda: wiring.plan(8, True),
    "filters='8' must be an integer of at least 1": lambda: wiring.plan(8, "8"),
    "channels_per_group=0 must be at least 1; nearest that works: 1": lambda: wiring.plan(8, 8, 0),
    "scheme='V2' is unknown; it is one of 'interleaved', 'divisible'": lambda: wiring.plan(8, 8, scheme="V2"),
    "give exactly one of channels_per_group and groups; received channels_per_group=None, groups=None": (
        lambda: wiring.grouping(8, 8)
    ),
    "give exactly one of channels_per_group and groups; received channels_per_group=4, groups=2": (
        lambda: wiring.grouping(8, 8, groups=2, channels_per_group=4)
    ),
    "groups=5 is more than in_channels=8 and filters=4 can fill; nearest that works: 4": (
        lambda: wiring.grouping(8, 4, groups=5)
    ),
    "groups=3 must divide channels=8; nearest that does: 2 or 4": lambda: wiring.shuffle(8, 3),
    "groups=9 must divide channels=8; nearest that does: 8": lambda: wiring.shuffle(8, 9),
    "step=9 is more than channels=8; nearest that works: 8": lambda: wiring.interleave(8, 9),
    "order=[0, 0] must hold each of 0 … 1 once": lambda: wiring.permutation_matrix([0, 0]),
    "chain() needs at least one matrix": lambda: wiring.chain(),
    "shapes (2, 3) and (2, 3) do not follow one another: 3 outputs, 2 inputs": (
        lambda: wiring.chain(np.ones((2, 3)), np.ones((2, 3)))
    ),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named_with_the_nearest_that_works(message):
    wrong_type = "must be an integer" in message or "exactly one" in message
    with pytest.raises(TypeError if wrong_type else ValueError) as raised:
        BAD[message]()
    assert str(raised.value) == message


def test_integers_of_numpy_are_integers():
    assert wiring.plan(np.int64(480), np.int32(80)) == wiring.plan(480, 80)


def test_a_plan_can_be_a_key_and_cannot_be_changed():
    plan = wiring.plan(480, 80)
    assert {plan: 1}[wiring.plan(480, 80)] == 1
    with pytest.raises(AttributeError):
        plan.shuffle = 3
