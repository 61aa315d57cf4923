"""`python -m studiolo` is the `studiolo` command."""

import sys

from studiolo.cli import main

if __name__ == "__main__":
    sys.exit(main())
