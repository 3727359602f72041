"""The input sizes that a spec states are held against those that its network takes."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Diagnostic
from tests.compiling import findings

POOLED = "- max_pool: {kernel: 2, stride: 2, padding: valid}"


def stated(sizes: str, *steps: str, grid: str = "grid: 64") -> tuple[Diagnostic, ...]:
    """What is found in a network of these steps whose input states `sizes`."""
    body = "".join(f"  {step}\n" for step in steps)
    head = f"archgen: 1\nname: net\ninput: {{channels: 3, {grid}, sizes: {sizes}}}\n"
    return findings(f"{head}network:\n{body}")


TWICE = (POOLED, POOLED, "- conv: {filters: 4, kernel: 5, padding: valid}")  # 20 and up
HALVED = "[{max_pool: {kernel: 2, stride: 2, padding: valid}}]"
ROUNDED_UP = "[{max_pool: {kernel: 3, stride: 2, padding: 1}}]"
SUMMED = (f"- concat: {{a: {HALVED}, b: {ROUNDED_UP}}}",)  # even sizes only
VECTOR = ("- flatten", "- linear: {features: 10}")  # its own size only


@pytest.mark.parametrize(
    ("sizes", "steps", "refused", "help"),
    [
        ("{min: 19}", TWICE, "19", "write `sizes: {min: 20}`"),
        ("{min: 1, multiple_of: 16}", TWICE, "16", "write `sizes: {min: 20}`"),
        ("{min: 8}", SUMMED, "9", "write `sizes: {min: 2, multiple_of: 2}`"),
        ("{min: 64}", VECTOR, "65", "write `sizes: {min: 64, max: 64}`"),
    ],
)
def test_stated_sizes_that_the_network_does_not_take_are_told(
    sizes: str, steps: tuple[str, ...], refused: str, help: str
) -> None:
    (finding,) = stated(sizes, *steps)
    assert finding.rule.code == "AG311"
    assert f"have {refused}, which" in finding.message
    assert finding.help == help


@pytest.mark.parametrize(
    ("sizes", "steps"),
    [
        ("{min: 20}", TWICE),
        ("{min: 1, multiple_of: 32}", TWICE),
        ("{min: 32, max: 512, multiple_of: 4}", SUMMED),
        ("{min: 64, max: 64}", VECTOR),
    ],
)
def test_sizes_that_the_network_takes_are_silent(sizes: str, steps: tuple[str, ...]) -> None:
    assert not stated(sizes, *steps)


def test_of_a_rectangular_input_each_side_is_compared() -> None:
    found = stated("{min: 19}", *TWICE, grid="height: 64, width: 32")
    assert [finding.message.split(" stated")[0] for finding in found] == [
        "the heights",
        "the widths",
    ]


@pytest.mark.parametrize("sizes", ["{min: 65}", "{min: 1, max: 63}", "{min: 1, multiple_of: 7}"])
def test_stated_sizes_have_the_size_of_the_input(sizes: str) -> None:
    (finding,) = stated(sizes, *TWICE)
    assert finding.rule.code == "AG107"
    assert finding.message == "`sizes` leaves out 64, the size of this input"


@pytest.mark.parametrize(
    ("sizes", "code"), [("{min: 0}", "AG107"), ("{min: 99999}", "AG107"), ("{max: 70}", "AG102")]
)
def test_sizes_that_cannot_be_read_are_told(sizes: str, code: str) -> None:
    (finding,) = stated(sizes, *TWICE)
    assert finding.rule.code == code
