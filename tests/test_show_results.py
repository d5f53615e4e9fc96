"""Records shown as a table: means and spreads are those of the records, and too few seeds are said to be."""

import re

import numpy as np
import pytest
from train_support import RECIPE, data, model

from gpc.show import results
from gpc.train import fit, records


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    for seed in range(2):
        fit(lambda: model(), data(), RECIPE.but(epochs=1), seed=seed, experiment="two seeds", name="small",
            records=folder, on_epoch=None)  # fmt: skip
    return records.load(folder)


def test_the_mean_and_the_spread_shown_are_those_of_the_records(made, capsys):
    text = str(results(made))
    accuracies = [one["metrics"]["test"]["accuracy"] for one in made]
    assert f"{np.mean(accuracies):.2%}" in text
    assert f"{100 * np.std(accuracies, ddof=1):.2f}" in text
    assert "2 (too few to judge)" in text
    said = capsys.readouterr().out
    assert "two seeds" in said and re.search(r"Made on .+ with Keras \d+\.\d+", said)


def test_without_records_it_says_how_to_make_them(capsys):
    assert results(()) is None
    assert "GPC_PROFILE=full" in capsys.readouterr().out


def test_where_a_test_split_stayed_closed_the_validation_scores_are_shown(made, tmp_path):
    fit(lambda: model(), data(), RECIPE.but(epochs=1), experiment="two seeds", name="another", records=tmp_path,
        on_epoch=None, test=False)  # fmt: skip
    text = str(results((*made, *records.load(tmp_path))))
    assert "validation accuracy" in text and "validation accuracy" not in str(results(made))
    closed = next(line for line in text.splitlines() if line.startswith("another"))
    assert "–" in closed
    for one in records.table(made):
        assert f"{one['val_accuracy']:.2%}" in text and f"{one['test']:.2%}" in text
