"""The page of `gpc` at the terminal: what each command says when it is asked for help."""

import argparse
import os

WIDTH = "88"  # columns: what a page shows without scrolling


def helps():
    """{command line: its help}, that of `gpc` first."""
    from gpc import cli

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = WIDTH  # argparse asks the terminal for its width
    try:
        whole = cli.parser()
        commands = next(a.choices for a in whole._actions if isinstance(a, argparse._SubParsersAction))
        asked = {"gpc": whole} | {f"gpc {name}": found for name, found in commands.items()}
        return {line: parser.format_help() for line, parser in asked.items()}
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


def page():
    """Markdown: a section a command."""
    blocks = [f"## `{line}`\n\n```text\n{text.rstrip()}\n```" for line, text in helps().items()]
    return "\n\n".join(blocks) + "\n"
