"""Drawings that several tests look at."""

from __future__ import annotations

from archgen.render.drafting import Drafter, uses
from archgen.render.drawing import Drawing
from tests.compiling import compiled, shipped

BROKEN = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
defaults: {conv: {padding: same}}
blocks:
  cell:
    body:
      - concat:
          narrow: [{conv: {filters: 1, kernel: 3}}]
          odd: [{conv: {filters: 3, kernel: 3, padding: valid}}]
network:
  - conv: {filters: 4, kernel: 1}
  - cell
  - conv: {filters: 9, kernel: 3}
"""
EVIL = '"><script>alert(1)</script>&\\N{}$\u202e^^M'


def overview_of(name: str) -> Drawing:
    """The overview of a shipped network."""
    return Drafter(shipped(name).sound_network()).overview()


def block_of(name: str, block: str) -> Drawing:
    """One block of a shipped network."""
    network = shipped(name).sound_network()
    use = next(use for use in uses(network) if use.path == block)
    return Drafter(network).block(use.block, use.path, use.start)


def broken_overview() -> Drawing:
    """The overview of a network with an error in a block."""
    compilation = compiled(BROKEN)
    assert compilation.network is not None
    return Drafter(compilation.network, compilation.diagnostics).overview()


def evil_drawing() -> Drawing:
    """A drawing with a box that says what it must not do."""
    drawing = block_of("inception_v4", "reduction_a")
    first, *others = drawing.boxes
    evil = first._replace(lines=(EVIL,), beside=EVIL, details=(EVIL, EVIL), faults=(EVIL,))
    return drawing._replace(boxes=(evil, *others), title=EVIL)
