"""What processes say to each other, and what one of them meets alone."""

from __future__ import annotations

import pickle
from itertools import chain
from pathlib import Path

import pytest
import torch
from torch import nn

from archgen.train import DataError, Interrupted, TrainingError
from archgen.train.errors import Diverged, PeerLost
from archgen.train.world import ALONE, Share, World
from tests.train.ranks import on_ranks, started

pytestmark = pytest.mark.slow


def failing(world: World, error: Exception, rank: int) -> str:
    def act() -> str:
        if world.share.rank == rank:
            raise error
        return "done"

    try:
        return world.together(act)
    except TrainingError as caught:
        return f"{type(caught).__name__}: {caught}"
    except Interrupted as caught:
        return f"signal {caught.signal}"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DataError("`a.jpg` is no image"), "DataError: `a.jpg` is no image"),
        (Diverged("the loss is ∞"), "Diverged: the loss is ∞"),
        (Interrupted(15), "signal 15"),
    ],
)
@pytest.mark.parametrize("rank", [0, 1])
def test_what_one_process_meets_ends_all(error: Exception, told: str, rank: int) -> None:
    assert on_ranks(2, failing, error, rank) == [told, told]


def failing_inside(world: World) -> list[str]:
    def act() -> list[str]:
        if world.share.rank == 1:
            raise DataError("a reader has died")
        return world.pooled(["nothing bad"])

    told = []
    try:
        world.together(act)
    except TrainingError as error:
        told.append(str(error))
    return told + world.pooled([f"{world.share.rank} goes on"])  # still in step with each other


def test_a_failure_is_heard_whatever_the_others_are_asking() -> None:
    expected = ["a reader has died", "0 goes on", "1 goes on", "2 goes on"]
    assert on_ranks(3, failing_inside) == [expected] * 3


def full_disk(world: World) -> str:
    def write() -> None:
        if world.is_first:
            raise OSError(28, "no space left")

    try:
        world.together(write)
    except (OSError, TrainingError) as error:
        return type(error).__name__
    return "written"


def test_what_the_disk_refuses_the_first_ends_the_others() -> None:
    assert on_ranks(2, full_disk) == ["OSError", "TrainingError"]


def lost(world: World) -> str:
    if world.share.rank == 1:
        return "gone"  # without a word
    try:
        world.together(lambda: None)
    except RuntimeError as error:
        raise RuntimeError(str(error)) from None
    return "went on"


def test_a_process_that_is_gone_is_noticed_at_once(tmp_path: Path) -> None:
    ranks = started(2, lost, meet=tmp_path / "meet")
    found = ranks[0].result()
    assert isinstance(found, PeerLost)
    assert "another process of this run is gone" in str(found)


class Holder(nn.Module):
    """A parameter and buffers of two types."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((3, 2), value))
        self.register_buffer("mean", torch.full((4,), value))
        self.register_buffer("count", torch.tensor(int(value)))


def followed(world: World) -> list[list[float]]:
    both = [Holder(1.0 + world.share.rank) for _ in range(2)]
    world.take_from_first(both[0])
    world.follow_first(both[1].buffers())
    return [[float(t.sum()) for t in holder.state_dict().values()] for holder in both]


def test_the_others_take_over_what_the_first_holds() -> None:
    first, second = on_ranks(2, followed)
    assert first == [[6.0, 4.0, 1.0], [6.0, 4.0, 1.0]]
    assert second == [[6.0, 4.0, 1.0], [12.0, 4.0, 1.0]]


def decided(world: World) -> tuple[bool, bool, list[float]]:
    rank = world.share.rank
    return (
        world.is_any(one=rank == 2),
        world.is_any(one=False),
        world.sum(torch.tensor([1.0, rank])).tolist(),
    )


def test_all_processes_decide_alike() -> None:
    assert on_ranks(3, decided) == [(True, False, [3.0, 3.0])] * 3


@pytest.mark.parametrize("count", [3, 7, 64])
def test_shares_are_the_whole_in_its_order(count: int) -> None:
    items = torch.arange(count).numpy()
    for size in (1, 2, 3):
        parts = [Share(rank, size).of(items).tolist() for rank in range(size)]
        assert [*chain(*parts)] == items.tolist()
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_asks_nobody() -> None:
    assert ALONE.size == 1
    assert ALONE.is_first
    assert ALONE.together(lambda: 3) == 3
    assert ALONE.pooled(["mine"]) == ["mine"]
    assert ALONE.is_any(one=True)
    assert not ALONE.is_any(one=False)


def without_pickle(world: World) -> str:
    """Everything that is said, where unpickling anything fails."""

    def refuse(*_arguments: object, **_named: object) -> object:
        raise AssertionError("something was unpickled")

    pickle.loads = pickle.Unpickler = refuse  # type: ignore[assignment,misc]
    holder = Holder(1.0)
    world.take_from_first(holder)
    world.follow_first(holder.buffers())
    return failing(world, DataError("`x` " + ",".join(world.pooled(["said"]))), 1)


def test_no_process_unpickles_what_another_sends() -> None:
    assert on_ranks(2, without_pickle) == ["DataError: `x` said,said"] * 2
