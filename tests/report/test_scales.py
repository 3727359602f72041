from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archgen.report.scales import exact, round_step, rounded

VALUES = st.floats(0, 1e14, allow_nan=False)


@pytest.mark.parametrize(
    ("least", "step"), [(0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (2.2, 2.5), (30, 50.0), (0.0007, 0.001)]
)
def test_steps_are_round(least: float, step: float) -> None:
    assert round_step(least) == pytest.approx(step)


def test_epochs_end_where_the_runs_end() -> None:
    scale = exact(0, 160, 0, 320, marks=9)
    assert scale.ticks == tuple(range(0, 161, 20))
    assert (scale.low, scale.high, scale.place(80)) == (0, 160, 160)


def test_errors_lie_between_two_marks() -> None:
    scale = rounded(19.7, 33.1, 100, 0, marks=7)
    assert (scale.low, scale.high) == (18, 34)
    assert scale.place(18) == 100
    assert scale.clipped(1e9) == scale.place(34 + 16)


@given(VALUES, VALUES)
@example(0.0, 5e-324)
@example(1.0, 1.0000000000000002)
@example(1e14, 1e14)
def test_any_values_have_a_scale_with_few_marks_in_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    for scale in (exact(low, high, 0, 1, marks=9), rounded(low, high, 0, 1, marks=9)):
        assert scale.low < scale.high
        assert len(scale.ticks) <= 12
        assert list(scale.ticks) == sorted(scale.ticks)
