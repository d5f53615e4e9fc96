"""`python -m gpc.bench`: EfficientNet-B0's pointwise layers timed here, and which promises hold."""

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Below the line above, which TensorFlow reads when it is imported.
from gpc.bench import pointwise, pointwise_layers  # noqa: E402


def main(arguments=None):
    """Time, print a line a layer, then the bars; write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m gpc.bench", description=__doc__)
    parser.add_argument(
        "--size", type=int, default=32, choices=sorted(pointwise.SIZES), help="of images (32)"
    )
    parser.add_argument("--batch", type=int, default=32, help="images at a time (32)")
    parser.add_argument("--channels-per-group", type=int, default=16, help="how wide a group is (16)")
    parser.add_argument("--rounds", type=int, default=9, help="pairs timed a layer (9)")
    parser.add_argument(
        "--keras-rounds", type=int, default=3, help="the same for Conv2D(groups); 0 leaves it out (3)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    asked = vars(parser.parse_args(arguments))
    if hasattr(sys.stdout, "reconfigure"):  # a file on Windows has no →, and minutes of timing are told once
        sys.stdout.reconfigure(errors="replace")
    file = asked.pop("json")
    report = pointwise_layers(**asked)
    print(report)
    if file:
        file.write_text(json.dumps(report.as_dict(), indent=1) + "\n")


if __name__ == "__main__":
    main()
