"""Uses of blocks that one walk takes over from another."""

from __future__ import annotations

from archgen.diagnostics import Findings
from archgen.errata import as_printed
from archgen.infer import Uses, infer
from archgen.ir.shaped import ShapedNetwork
from tests.compiling import codes, compiled

SPEC = """\
archgen: 1
name: two
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same, bias: false}}
blocks:
  same:
    body:
      - conv: {filters: 4, kernel: 3}
  odd:
    body:
      - conv: {filters: 4, kernel: 3}
        errata: {field: kernel, printed: 5, why: "a slip"}
network:
  - same
  - odd
"""


def _blocks(network: ShapedNetwork | None) -> dict[str, int]:
    assert network is not None
    return {block.block.name: id(block) for block in network.blocks()}


def test_a_variant_shares_the_uses_that_it_does_not_change() -> None:
    resolved = compiled(SPEC).resolved
    assert resolved is not None
    assert resolved.network is not None
    uses: Uses = {}
    sound = infer(resolved.network, Findings(), uses=uses)
    printed = as_printed(resolved.network, resolved.errata)
    variant = infer(printed, Findings(), uses=uses.copy())
    alone = infer(printed, Findings())
    kept = {name for name, shaped in _blocks(variant).items() if shaped == _blocks(sound)[name]}
    assert kept == {"same"}
    assert variant is not None
    assert variant.output == (alone and alone.output)


def test_the_errata_of_one_block_are_each_found_idle() -> None:
    second = (
        SPEC
        + """\
  - odd
  - conv: {filters: 8, kernel: 1}
    errata: {field: filters, printed: 4, why: "a slip too"}
"""
    )
    assert codes(second) == ["AG601", "AG601"]
