"""Predictions and checked answers, as text, as HTML and as what a browser's script does with them."""

import numpy as np
import pytest
from test_show_words import Tree

from gpc.show import check, predict
from gpc.show.asking import Prediction


def said(capsys, *args, **kwargs):
    result = check(*args, **kwargs)
    assert isinstance(result, bool)
    return result, capsys.readouterr().out.strip()


def nothing(x):
    return None


def dots(x):
    ...
    return ...


def unwritten(x):
    raise NotImplementedError


STUBS = [None, ..., nothing, dots, unwritten, (1, ...), {"a": ...}, [...]]
TESTS = [lambda f: f(480) == 38_400, lambda f: "no" if f(480) is None else True]


@pytest.mark.parametrize(
    "stub, test", [(s, t) for s in STUBS for t in TESTS] + [(s, 5) for s in STUBS if not callable(s)]
)
def test_an_untouched_stub_is_not_answered_yet(stub, test, capsys):
    assert said(capsys, stub, test, name="weights") == (False, "weights: … not answered yet")


def test_a_stub_that_makes_the_test_itself_fail_is_not_answered_yet(capsys):
    def compares(f):
        assert abs(f(3) - 9) < 1e-9

    assert said(capsys, nothing, compares) == (False, "… not answered yet")


def test_a_function_that_returns_none_only_sometimes_is_judged(capsys):
    def half(x):
        return x / 2 if x else None

    assert said(capsys, half, lambda f: f(4) == 2 and f(0) is None)[0]
    assert said(capsys, half, lambda f: (f(0), f(4) == 3)[1]) == (False, "✗ not yet")


@pytest.mark.parametrize(
    "answer, expected",
    [
        (38400, 38400),
        (38400.0, 38400),
        (np.int32(7), 7),
        (0.1 + 0.2, 0.3),
        ([1, 2.0], np.array([1.0, 2.0])),
        ("K+L", "K+L"),
        (np.array([True, False]), [True, False]),
        (True, True),
        ({"a": 1}, {"a": 1}),
        (-1e-17, 0.0),
        (["a"], ["a"]),
    ],
)
def test_right_values(answer, expected, capsys):
    assert said(capsys, answer, expected) == (True, "✓ right")


@pytest.mark.parametrize(
    "answer, expected, message",
    [
        (102760449, 102760448, "102,760,449 is too large"),
        (0.29, 0.3, "0.290 is too small"),
        ([1, 2, 3], [1, 2, 4], "1 of 3 values"),
        ([1, 2], [1, 2, 3], "shape (2,) given, (3,) needed"),
        ("three", 3, "str where a number"),
        ("K", "K+L", "✗ not yet"),
        (1, True, "✗ not yet"),
        ([[1, 2], [3]], [1, 2], "ValueError"),
        ([1.0], 1.0, "one number needed"),
        (float("nan"), 1.0, "is not it"),
    ],
)
def test_wrong_values_say_how_and_keep_the_expected_value_to_themselves(answer, expected, message, capsys):
    if (answer, expected) == (1, True):
        expected = "yes"
    result, text = said(capsys, answer, expected, hint="Count again.")
    assert not result and message in text and text.endswith("Count again.")


@pytest.mark.parametrize(
    "verdict, expected",
    [
        (True, (True, "✓ right")),
        (np.bool_(True), (True, "✓ right")),
        (None, (True, "✓ right")),
        (False, (False, "✗ not yet")),
        ("too wide", (False, "✗ not yet: too wide")),
        ("", (False, "✗ not yet")),
        (np.array(True), (True, "✓ right")),
        (np.array([True, True]), (False, "✗ not yet: an array of shape (2,) where one value is needed")),
    ],
)
def test_every_kind_of_verdict(verdict, expected, capsys):
    assert said(capsys, 5, lambda a: verdict) == expected


def test_assertions_speak_for_themselves(capsys):
    def test(a):
        if a != 4:
            raise AssertionError(f"for 2 and 2 it gives {a}\n\nnot 4")

    assert said(capsys, 5, test) == (False, "✗ not yet: for 2 and 2 it gives 5 · not 4")
    assert said(capsys, 4, test) == (True, "✓ right")


def test_a_learners_exception_is_shown_in_one_line_with_its_place(capsys):
    def share(a, b):
        return a / b

    result, text = said(capsys, share, lambda f: f(1, 0) == 1, hint="What if b is 0?")
    assert not result and text.count("\n") == 1
    assert (
        text.startswith("✗ not yet: ZeroDivisionError: division by zero, in share(), line ")
        and "`return a / b`" in text
    )
    for raises in (SystemExit(3), RecursionError("deep"), KeyError("groups"), ValueError("a\nb")):

        def f(raises=raises):
            raise raises

        assert type(raises).__name__ in said(capsys, f, lambda f: f())[1]


def test_only_an_interrupt_comes_through():
    def f():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(f, lambda f: f())


def test_a_layer_is_not_wrapped(capsys):
    class Layer:
        filters = 8

        def __call__(self, x):
            return None

    layer = Layer()
    assert said(capsys, layer, lambda given: given is layer and given.filters == 8)[0]


QUESTION, CHOICES = "How many <weights> does *it* hold?", ["480", "38 400 & more", 'a "third"']


def test_the_form_is_a_fieldset_with_its_legend_and_labelled_radios():
    tree = Tree(Prediction(QUESTION, CHOICES).output().html)
    assert tree.elements[0]["tag"] == "form"
    assert (
        tree.all("legend")[0]["text"] == "How many <weights> does it hold?"
        and "fieldset" in tree.all("legend")[0]["inside"]
    )
    radios = tree.all("input", type="radio")
    assert [r["attributes"]["value"] for r in radios] == ["0", "1", "2"]
    assert all("label" in r["inside"] and "fieldset" in r["inside"] for r in radios)
    assert not any("disabled" in r["attributes"] or "checked" in r["attributes"] for r in radios)
    assert [label["text"] for label in tree.all("label")] == CHOICES
    assert not any("id" in e["attributes"] for e in tree.elements)


def test_guess_and_answer_are_found_by_text_or_number():
    asked = Prediction("?", [2, 4.0, 0.5, "eight"], guess=np.int64(4))
    assert asked.choices == ["2", "4", "0.5", "eight"]
    assert (
        asked.guess == 1
        and Tree(asked.output().html).all("input", value="1")[0]["attributes"].get("checked") is None
    )
    assert "checked" in Tree(asked.output().html).all("input", value="1")[0]["attributes"]
    assert "✗ You guessed: 4" in asked.answered("eight").text and "✓" in asked.answered(4.0).text
    for bad in (3, "nine", True):
        with pytest.raises(ValueError, match="eight"):
            asked.answered(bad)


@pytest.mark.parametrize("bad", [("", [1, 2]), ("?", [1]), ("?", [1, 1]), ("?", ["1,000", 1000])])
def test_a_question_that_is_none_is_refused(bad):
    with pytest.raises(ValueError):
        predict(*bad)


def test_the_answer_stands_there_without_scripts():
    asked = Prediction(QUESTION, CHOICES)
    tree = Tree(asked.answered(CHOICES[1], because="One for **each** pair.").html)
    words = tree.elements[0]["text"]
    assert "38 400 & more" in words and "One for each pair." in words
    assert tree.elements[0]["attributes"]["data-gpc-reveal"] == asked.key
    assert tree.all("p", role="status")[0]["text"] == ""


def test_the_same_question_gives_the_same_page_and_another_a_different_key():
    assert Prediction(QUESTION, CHOICES).output().html == Prediction(QUESTION, CHOICES).output().html
    assert Prediction(QUESTION, CHOICES).key != Prediction(QUESTION, CHOICES[:2]).key
