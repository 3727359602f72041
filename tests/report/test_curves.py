from __future__ import annotations

from archgen.report import read_run
from archgen.report.curves import Curve, Look, Point, heights, looks, thinned
from tests.report.conftest import MakeRun

LOOK = Look(0, "solid")


def test_residual_networks_are_solid_and_the_others_dashed_as_in_the_paper(
    make_run: MakeRun,
) -> None:
    kinds = ["conv", "residual", "conv", "residual"]
    runs = [read_run(make_run(str(n), body=kind)) for n, kind in enumerate(kinds)]
    assert [look.classes for look in looks(runs)] == [
        "c1 dashed",
        "c0 solid",
        "c2 dashed",
        "c3 solid",
    ]


def test_no_two_of_many_runs_look_alike(make_run: MakeRun) -> None:
    runs = [read_run(make_run(str(n), body="residual")) for n in range(24)]
    assert len({look.classes for look in looks(runs)}) == 24


def test_thinning_keeps_few_points_and_averages_many() -> None:
    few = [Point(n, n) for n in range(50)]
    assert thinned(few, 50) == tuple(few)
    many = thinned([Point(n, n % 2) for n in range(10_000)], 100)
    assert len(many) == 100
    assert all(abs(point.value - 0.5) < 0.01 for point in many)


def test_points_at_one_place_are_one() -> None:
    assert thinned([Point(3, 1), Point(3, 2)], 1) == (Point(3, 1.5),)


def test_the_start_of_a_run_may_leave_the_frame() -> None:
    curve = Curve("one", LOOK, (Point(1, 90), Point(2, 40), Point(30, 20)))
    assert heights([curve], settled=2 / 30) == (20, 40)
    assert heights([curve], settled=0) == (20, 90)


def test_a_short_run_is_in_the_frame_beside_a_long_one() -> None:
    short = Curve("short", LOOK, (Point(0.1, 99), Point(1, 90), Point(2, 80)))
    long = Curve("long", LOOK, (Point(1, 95), Point(50, 40), Point(100, 20)))
    assert heights([short, long], settled=0.1) == (20, 90)


def test_a_run_without_evaluations_is_in_the_frame_by_its_training() -> None:
    training = Curve("new", LOOK, (Point(1, 90), Point(2, 80)), is_faint=True)
    old = Curve("old", LOOK, (Point(50, 40), Point(100, 20)))
    assert heights([training, Curve("new", LOOK, ()), old], settled=0) == (20, 90)


def test_faint_curves_count_where_the_others_are_no_lines() -> None:
    faint = Curve("one", LOOK, (Point(1, 60), Point(2, 10)), is_faint=True)
    dot = Curve("one", LOOK, (Point(2, 30),))
    line = Curve("one", LOOK, (Point(1, 50), Point(2, 30)))
    assert heights([faint, dot], settled=0) == (10, 60)
    assert heights([faint, line], settled=0) == (30, 50)


def test_no_points_have_a_frame_too() -> None:
    assert heights([Curve("one", LOOK, ())], settled=0) == (0.0, 1.0)
