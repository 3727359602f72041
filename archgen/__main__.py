"""`python -m archgen` is the command `archgen`."""

import sys

from archgen.cli import main

if __name__ == "__main__":
    sys.exit(main())
