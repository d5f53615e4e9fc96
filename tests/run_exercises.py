"""Runs a chapter's exercises in one fresh process: each stub as it is, then each reference solution.

python run_exercises.py chapter.ipynb

The last line printed is a JSON list: [{"stub": [passed, printed], "solution": [passed, printed]}, …]
"""

import contextlib
import io
import json
import sys
import traceback

from chapter_rules import exercises_of, python, solution_code, text


def outcome(sources, given):
    """Run pieces of code after each other on a copy of the set-up's names. → (`passed`, what was printed)"""
    names, printed = dict(given), io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            for source in sources:
                exec(compile(python(source), "<exercise>", "exec"), names)
        except Exception:
            return "raised", printed.getvalue() + traceback.format_exc()
    return names.get("passed"), printed.getvalue()


def main(path):
    with open(path, encoding="utf-8") as file:
        notebook = json.load(file)
    given = {"__name__": "__main__"}
    exec(compile(python(text(notebook["cells"][1])), "<set-up>", "exec"), given)
    results = []
    for cells in exercises_of(notebook):
        stub, check, solution = (
            text(cells["exercise-stub"]),
            text(cells["exercise-check"]),
            solution_code(cells["solution"]),
        )
        results.append({"stub": outcome([stub, check], given), "solution": outcome([solution, check], given)})
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
