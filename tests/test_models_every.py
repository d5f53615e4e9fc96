"""What holds of every network of the course, whichever family it is of: built, costed, regrouped, trained, saved."""

import keras
import numpy as np
import pytest
from surgery_support import numbers, reloaded, run, train

from gpc import count, models
from gpc.models.registry import FAMILIES
from gpc.surgery import regroup

TABLED = {name: tuple(tables) for family in FAMILIES for name, tables in family.TABLES.items()}
SMALL = sorted(name for name, variants in TABLED.items() if "small" in variants)
SHAPE = (32, 32, 3)


def small(name):
    return models.build(name, input_shape=SHAPE, classes=4, variant="small")


def batch(net):
    """Two images and what a net of 4 classes is to say of them: one class an image, or one a pixel."""
    shape = net.output_shape[1:-1]
    return numbers(2, *SHAPE), np.random.default_rng(0).integers(0, 4, (2, *shape))


def test_every_table_belongs_to_a_constructor():
    assert set(TABLED) <= set(models.names()) and len(SMALL) >= 2


@pytest.mark.parametrize("name", sorted(TABLED))
def test_deviations_are_sentences_and_small_variants_have_some(name):
    for variant in TABLED[name]:
        texts = models.deviations(name, variant)
        assert all(": " in text and len(text.split(": ", 1)[1]) > 3 for text in texts)
        assert texts or variant != "small", f"{name} small deviates nowhere?"


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", SMALL)
def test_small_variants_are_costed_trained_and_saved(name, tmp_path):
    net = small(name)
    x, y = batch(net)
    cost = count.cost(net)
    assert not cost.unknown and cost.macs > 0 and net.count_params() < 2_500_000
    y_hat = run(net, x)
    np.testing.assert_allclose(y_hat.sum(-1), 1, rtol=1e-4)
    assert np.isfinite(train(net, x, y))
    np.testing.assert_allclose(run(reloaded(net, tmp_path), x), run(net, x), rtol=1e-5, atol=1e-6)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", SMALL)
def test_small_variants_are_regrouped(name):
    net = small(name)
    new, report = regroup(net, 8)
    x, _ = batch(net)
    assert new.output_shape == net.output_shape and np.isfinite(run(new, x)).all()
    assert new.count_params() == report.parameters_after == count.cost(new).parameters
    assert all(row.reason for row in report.rows)
    assert not [layer for layer in new.layers if isinstance(layer, keras.layers.Lambda)]
