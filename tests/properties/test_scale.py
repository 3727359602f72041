"""Twice the text costs twice the work, whatever it is twice of; counted in calls, which no load moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from archgen.cli.palette import PLAIN
from archgen.cli.report import ordered
from archgen.cli.reporters import REPORTERS
from archgen.emit import emit
from archgen.infer.budget import MAX_DIFFERENT, MAX_NODES
from archgen.ops.slots import MAX_INTEGER
from archgen.pipeline import Compilation
from archgen.render.outline import outline
from archgen.render.summary import summary_table
from archgen.resolve import MAX_NESTING
from archgen.resolve.names import MAX_NAME
from archgen.spec.document import MAX_BYTES, MAX_DEPTH, MAX_DIGITS, MAX_EVENTS
from archgen.spec.expression_parser import MAX_LENGTH
from archgen.spec.expression_parser import MAX_NESTING as MAX_EXPRESSION_DEPTH
from tests.compiling import ROOT, calls, compiled

HEAD = """\
archgen: 1
name: large
input: {channels: 8, grid: 8}
defaults: {conv: {padding: same}}
"""
PART = """\
blocks:
  part:
    params: {width: int}
    body:
      - residual:
          body:
            - concat: {left: [{conv: {filters: width, kernel: 1}}], right: []}
            - conv: {filters: in.channels, kernel: 1}
"""
MOST = 2.1  # a tenth above twice, for what does not grow


def steps(count: int) -> str:
    lines = (f"  - conv: {{filters: {8 + n % 64}, kernel: 1}}\n" for n in range(count))
    return f"{HEAD}network:\n{''.join(lines)}"


def joins(count: int) -> str:
    lines = (
        f"  - concat:\n      a{n}: [{{conv: {{filters: {n % 9 + 1}, kernel: 1}}}}]\n"
        f"      b{n}: []\n  - conv: {{filters: 8, kernel: 1}}\n"
        for n in range(count)
    )
    return f"{HEAD}network:\n{''.join(lines)}"


def references(count: int) -> str:
    first = "  - conv: {filters: 4, kernel: 1}\n    id: c0\n"
    lines = (
        f"  - conv: {{filters: 4, kernel: 1}}\n    from: c{n - 1}\n    id: c{n}\n"
        for n in range(1, count)
    )
    return f"{HEAD}network:\n{first}{''.join(lines)}"


def repeats(count: int) -> str:
    return f"{HEAD}network:\n  - conv: {{filters: 8 + i % 64, kernel: 1}}\n    repeat: {count}\n"


def uses(count: int) -> str:
    return f"{HEAD}{PART}network:\n  - part: {{width: 8 + i}}\n    repeat: {count}\n"


def blocks(count: int) -> str:
    body = "    body: [{conv: {filters: 8, kernel: 1}}]\n"
    defined = "".join(f"  part_{n}:\n{body}" for n in range(count))
    used = "".join(f"  - part_{n}\n" for n in range(count))
    return f"{HEAD}blocks:\n{defined}network:\n{used}"


def residuals(count: int) -> str:
    body = "{body: [{conv: {filters: in.channels, kernel: 1}}]}"
    return f"{HEAD}network:\n" + f"  - residual: {body}\n" * count


def forks(count: int) -> str:
    ends = "left: [{conv: {filters: 2, kernel: 1}}], right: [{conv: {filters: 3, kernel: 1}}]"
    lines = (
        f"      b{n}: [{{conv: {{filters: {n % 9 + 1}, kernel: 1}}}}, {{concat: {{{ends}}}}}]\n"
        for n in range(count)
    )
    return f"{HEAD}network:\n  - concat:\n{''.join(lines)}"


def heads(count: int) -> str:
    outputs = (
        f"  h{n}: {{from: c{n}, training_only: true, body: [global_avg_pool]}}\n"
        for n in range(count)
    )
    lines = (f"  - conv: {{filters: 8, kernel: 1}}\n    id: c{n}\n" for n in range(count))
    return f"{HEAD}network:\n{''.join(lines)}outputs:\n{''.join(outputs)}"


def slips(count: int) -> str:
    return steps(count).replace("filters", "filers")


def wrong_channels(count: int) -> str:
    part = PART.replace("filters: in.channels", "filters: 9")
    return uses(count).replace(PART, part)


def wrong_grids(count: int) -> str:
    lines = (
        f"  - residual: {{body: [{{conv: {{filters: {n}, kernel: 3, padding: 1}}}}]}}\n"
        for n in range(9, 9 + count)
    )
    return f"{HEAD}network:\n{''.join(lines)}"


SOUND = [steps, joins, references, repeats, uses, blocks, residuals, forks, heads]
BROKEN = [slips, wrong_channels, wrong_grids]


def growth(work: Callable[[str], object], make: Callable[[int], str], count: int = 150) -> float:
    """How many times the calls grow where the text doubles."""
    work(make(3))  # what is made once is made now
    small, large = (make(n) for n in (count, 2 * count))
    return calls(lambda: work(large)) / calls(lambda: work(small))


def reported(text: str) -> Iterator[str]:
    compilation = compiled(text)
    for reporter in ("full", "json", "github"):
        yield from REPORTERS[reporter](
            ordered(compilation.diagnostics), dict(compilation.sources), PLAIN
        )


@pytest.mark.parametrize("make", SOUND)
def test_checking_is_linear(make: Callable[[int], str]) -> None:
    assert not compiled(make(5)).diagnostics
    assert growth(compiled, make) < MOST


@pytest.mark.parametrize("make", BROKEN)
def test_findings_are_linear(make: Callable[[int], str]) -> None:
    assert compiled(make(5)).diagnostics
    assert growth(lambda text: list(reported(text)), make) < MOST


@pytest.mark.parametrize("make", SOUND)
def test_building_and_summing_up_are_linear(make: Callable[[int], str]) -> None:
    def built(text: str) -> None:
        made: Compilation = compiled(text)
        emit(made.sound_network(), made.sources, "large.yaml")

    def summed_up(text: str) -> None:
        list(summary_table(outline(compiled(text).sound_network(), 3, ()), {}))

    assert growth(built, make) < MOST
    assert growth(summed_up, make) < MOST


def test_every_limit_is_named_in_the_description_of_the_language() -> None:
    _, _, limits = (ROOT / "docs" / "language.md").read_text().partition("## Limits")
    named = [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", limits)]
    counts = {
        MAX_BYTES // 1024**2,
        MAX_EVENTS,
        MAX_DEPTH,
        MAX_LENGTH,
        MAX_EXPRESSION_DEPTH,
        MAX_DIGITS,
        MAX_NAME,
        MAX_NODES,
        MAX_DIFFERENT,
        MAX_NESTING,
    }
    assert counts <= set(named)
    assert MAX_INTEGER == 2**31 - 1
    assert "2**31 - 1" in limits
    assert "2**53" in limits
