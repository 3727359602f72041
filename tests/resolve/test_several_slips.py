"""Several slips in one spec: each is found, and none of them ends the compiler."""

from __future__ import annotations

import itertools

import pytest

from archgen.cli.networks import checked
from archgen.diff import compare
from archgen.pipeline import Compilation, check
from archgen.render.outline import outline
from archgen.render.steps import steps
from archgen.spec.files import SpecText, read_spec
from tests.compiling import ROOT

CASES = ROOT / "tests" / "cases" / "hostile"
SPEC = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
blocks:
  cell:
    inputs: [a, b]
    body:
      - add: {}
        from: [in.a, in.b]
        id: sum
      - max_pool: {kernel: 2, stride: 2, padding: valid}
    outputs: {early: sum}
network:
  - conv: {filters: 4, kernel: 3, padding: same}
    id: x
  - split: {l: 2, r: 2}
    id: halves
  - concat: {l: [], r: [act: relu]}
    id: y
  - cell: {}
    id: z
    from: [x, y]
  - linear: {features: 3}
outputs:
  tap: {from: z.early}
  aux: {from: y, body: [{conv: {filters: 2, kernel: 1, padding: same}}]}
"""
SLIPS = {
    "grid: 8}": "grid: 1}",
    "kernel: 2": "kernel: 64",
    "- linear": "- liner",
    "features: 3": "featurs: 3",
    "from: [x, y]": "from: [x, nowhere]",
    "from: z.early": "from: z.late",
    "from: y, body": "from: nothing, body",
    "{l: 2, r: 2}": "{l: 2, r: 3}",
    "from: [in.a, in.b]": "from: [in.c, in.d]",
    "{early: sum}": "{early: product}",
    "[act: relu]": "[{}]",
    "- conv: {filters": "- {filters",
}


def read(text: str) -> Compilation:
    """A text as the command line checks it."""
    return checked(SpecText("spec.yaml", text))


def test_the_spec_is_sound() -> None:
    assert not read(SPEC).diagnostics


@pytest.mark.parametrize("count", [1, 2, 3])
def test_slips_end_in_findings_and_in_views(count: int) -> None:
    sound = read(SPEC)
    assert sound.network is not None
    for slips in itertools.combinations(SLIPS.items(), count):
        text = SPEC
        for right, wrong in slips:
            assert right in text or count > 1
            text = text.replace(right, wrong)
        broken = read(text)
        assert any(finding.severity == "error" for finding in broken.diagnostics), text
        if broken.network is not None:
            steps(broken.network)
            outline(broken.network, 2, broken.diagnostics)
            compare(sound.network, broken.network, ((), broken.diagnostics))


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("two_errors", ["AG304", "AG103"]),
        ("check_assertion", ["AG304", "AG104"]),
        ("show_indexerror", ["AG401", "AG103"]),
        ("round_tiny", ["AG204"]),
    ],
)
def test_every_slip_of_a_file_is_found(name: str, codes: list[str]) -> None:
    text = read_spec(CASES / f"{name}.yaml")
    assert [finding.rule.code for finding in checked(text).diagnostics] == codes
    assert [finding.rule.code for finding in check(text).diagnostics] == codes
