"""`python -m gpc` is `gpc`."""

import sys

from gpc.cli import main

if __name__ == "__main__":
    sys.exit(main())
