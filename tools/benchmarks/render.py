"""Drawing Inception-v4: its overview and each of its blocks as svg, the layout included.

    tools/bench render

Elapsed time from the text of the spec on, the least of several turns; the aim is one second for all pictures.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from functools import partial
from time import perf_counter

from archgen.api import load
from archgen.render.dot import dot_text
from archgen.render.drafting import Drafter, uses
from archgen.render.engine import laid_out
from archgen.render.styles import STYLES
from tools.benchmarks.ratios import measure, versions

ROUNDS = 5
SECONDS = 1.0


def main() -> int:
    """Measures and prints; returns the exit status."""
    ArgumentParser("tools/bench render").parse_args()  # it takes no options
    seconds = measure(
        {"all": partial(draw, "inception_v4")}, rounds=ROUNDS, clock=perf_counter, summary=min
    )
    spent = seconds["all"]
    print(f"render: least of {ROUNDS}; {versions('graphviz', 'networkx')}")
    print(f"svg of inception_v4 and its blocks: {spent:.2f} s (aim: {SECONDS:g} s)")
    return 0 if spent < SECONDS else 1


def draw(name: str) -> None:
    """Loads a spec and makes every picture of it."""
    network = load(name).sound_network()
    drafter = Drafter(network)
    blocks = [drafter.block(use.block, use.path, use.start) for use in uses(network)]
    for drawing in (drafter.overview(), *blocks):
        laid_out(dot_text(drawing, STYLES["paper"]), "svg")


if __name__ == "__main__":
    sys.exit(main())
