from __future__ import annotations

import pytest

from archgen.report.curves import Curve, Look, Point
from archgen.report.legend import Rectangle, legend
from archgen.report.scales import exact

FRAME = Rectangle(0, 0, 400, 250)
ACROSS, UP = exact(0, 100, 0, 400, 9), exact(0, 100, 250, 0, 9)


def curve(name: str, *points: tuple[float, float], is_faint: bool = False) -> Curve:
    return Curve(name, Look(0, "solid"), tuple(Point(*point) for point in points), is_faint)


def place(*curves: Curve) -> tuple[tuple[float, float], bool]:
    """The middle of the legend in shares of the frame, and whether it stands below."""
    made = legend([*curves, curve("a"), curve("b")], ACROSS, UP, FRAME, 300)
    assert made is not None
    box = made.box
    middle = (box.left + box.width / 2) / 400, (box.top + box.height / 2) / 250
    return (round(middle[0]), round(middle[1])), made.is_below


def test_a_legend_stands_at_the_right_below_where_that_is_free() -> None:
    assert place(curve("one", (0, 100), (100, 60))) == ((1, 1), False)


def test_a_line_between_two_far_points_is_not_covered() -> None:
    assert place(curve("one", (0, 50), (100, 0))) != ((1, 1), False)
    assert place(curve("one", (60, 30), (100, 0), is_faint=True)) == ((0, 1), False)


def test_a_point_that_is_alone_is_not_covered() -> None:
    assert place(curve("one", (97, 6))) == ((0, 1), False)


def test_a_legend_stands_below_a_figure_that_is_full() -> None:
    waves = curve("one", *((x, 100 * (x % 2)) for x in range(101)))
    _, is_below = place(waves)
    assert is_below


@pytest.mark.parametrize("count", [1, 7])
def test_one_curve_and_very_many_have_no_legend(count: int) -> None:
    assert legend([curve(str(n), (0, 1)) for n in range(count)], ACROSS, UP, FRAME, 300) is None
