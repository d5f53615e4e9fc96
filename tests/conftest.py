"""Fixtures that several modules share."""

import contextlib

import pytest


@pytest.fixture(scope="module")
def browser():
    """One Chromium a module."""
    from browser import Browser

    with contextlib.closing(Browser()) as opened:
        yield opened
