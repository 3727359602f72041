"""`python -m tools.fuzzing`: what `tools/fuzz` runs."""

import sys

from archgen.cli.terminal import discard
from tools.fuzzing.runner import main

try:
    status = main()
    sys.stdout.flush()
except BrokenPipeError:  # `| head` has read enough
    discard(sys.stdout)
    status = 1
sys.exit(status)
