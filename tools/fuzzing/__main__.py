"""`python -m tools.fuzzing`: what `tools/fuzz` runs."""

import sys

from tools.fuzzing.runner import main

sys.exit(main())
