"""What a launcher puts into the environment."""

from __future__ import annotations

import pytest

from archgen.train import TrainingError
from archgen.train.launch import Launch
from archgen.train.world import Share

TWO = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}


def test_a_process_without_a_launcher_is_alone() -> None:
    assert Launch.of({"WORLD_SIZE": "8"}) == Launch(Share(0, 1))


def test_a_process_knows_its_place() -> None:
    launch = Launch.of({**TWO, "LOCAL_RANK": "1"})
    assert launch == Launch(Share(1, 2), local_rank=1)
    assert launch.device("cpu").type == "cpu"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"RANK": "2"}, "ranks count from 0"),
        ({"RANK": "one"}, "RANK is `one`"),
        ({"WORLD_SIZE": "-2"}, "WORLD_SIZE is `-2`"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(change: dict[str, str], told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        Launch.of({**TWO, **change})


def test_a_rank_without_the_rest_is_refused_with_the_way_out() -> None:
    with pytest.raises(TrainingError, match="not WORLD_SIZE, MASTER_PORT; unset RANK"):
        Launch.of({"RANK": "0", "MASTER_ADDR": "localhost"})


@pytest.mark.parametrize("name", ["cuda:1", "mps"])
def test_a_device_that_all_processes_would_share_is_refused(name: str) -> None:
    with pytest.raises(TrainingError, match=r"leave out|one process alone"):
        Launch.of(TWO).device(name)


def test_what_torchrun_lacks_for_restarts_is_told() -> None:
    restarting = {**TWO, "TORCHELASTIC_MAX_RESTARTS": "3"}
    shared = Launch.of({**restarting, "TORCHELASTIC_USE_AGENT_STORE": "True"})
    assert "TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1" in str(shared.hint)
    assert Launch.of({**restarting, "TORCHELASTIC_USE_AGENT_STORE": "False"}).hint is None
    assert shared.restarts == 3
    guarded = {**restarting, "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    static = Launch.of({**guarded, "TORCHELASTIC_USE_AGENT_STORE": "True"})
    assert "TORCH_DISABLE" not in str(static.hint)
    assert "`--standalone` on one machine, `--rdzv-backend c10d` on several" in str(static.hint)
