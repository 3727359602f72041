from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archgen.train import ImageSet, Progress, Recipe, RunFolder, TrainingError, fit
from archgen.train import checkpoints as module
from archgen.train.checkpoints import KEPT, Checkpoints
from archgen.train.errors import Diverged
from archgen.train.evaluation import Evaluation
from archgen.train.identity import Identity
from archgen.train.state import TrainingState

Maker = Callable[..., nn.Module]
IDENTITY: Identity = {"network": "abc", "seed": 3}


class Flag:
    """What unpickling leaves behind."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("unpickled",))


def state_of(model: nn.Module, step: int = 0) -> TrainingState:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return TrainingState({"model": model, "optimizer": optimizer}, step)


def saved(folder: Path, model: nn.Module, *steps: int) -> Checkpoints:
    checkpoints = Checkpoints(folder / "checkpoints", IDENTITY)
    for step in steps:
        with torch.no_grad():
            next(model.parameters()).fill_(step)
        checkpoints.save(state_of(model, step))
    return checkpoints


def restored(checkpoints: Checkpoints, model: nn.Module) -> tuple[int, list[str], float]:
    state = state_of(model)
    told = checkpoints.restore(state)
    return state.step, told, float(next(model.parameters()).detach().flatten()[0])


def test_the_newest_checkpoint_is_taken(tmp_path: Path, tiny: Maker) -> None:
    assert restored(saved(tmp_path, tiny(0), 5, 12), tiny(1)) == (12, [], 12.0)


def test_without_any_the_state_stays_as_it_is(tmp_path: Path, tiny: Maker) -> None:
    model = tiny(1)
    before = next(model.parameters()).clone()
    assert restored(Checkpoints(tmp_path / "none", IDENTITY), model)[:2] == (0, [])
    assert torch.equal(before, next(model.parameters()))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "words"),
    [(flip, "its sha256 is not"), (truncate, "bytes of"), (Path.unlink, "it is gone")],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_taken(
    tmp_path: Path, tiny: Maker, damage: Callable[[Path], object], words: str
) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5, 12)
    newest = checkpoints.entries()[0].path
    damage(newest)
    step, told, value = restored(checkpoints, tiny(1))
    assert (step, value) == (5, 5.0)
    assert len(told) == 1
    assert told[0].startswith(f"the checkpoint `{newest}` is not used: ")
    assert words in told[0]
    checkpoints.save(state_of(tiny(0), 12))
    assert [entry.fault() for entry in checkpoints.entries()] == [None, None]


def test_where_all_are_damaged_the_run_does_not_begin_again_unasked(
    tmp_path: Path, tiny: Maker
) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5)
    flip(checkpoints.entries()[0].path)
    with pytest.raises(TrainingError, match="no checkpoint is left; delete"):
        restored(checkpoints, tiny(1))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def other(path: Path) -> None:
    path.write_text('{"step": "x"}')


@pytest.mark.parametrize("damage", [emptied, cut, other, Path.unlink])
def test_checkpoints_whose_manifests_are_lost_are_taken_by_their_own_checksums(
    tmp_path: Path, tiny: Maker, damage: Callable[[Path], object]
) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5, 12)
    manifests = [entry.manifest for entry in checkpoints.entries()]
    for manifest in manifests:
        damage(manifest)
    step, told, weight = restored(checkpoints, tiny(1))
    assert (step, weight) == (12, 12.0)
    how = "is missing" if damage is Path.unlink else "is damaged"
    assert f"the manifest `{manifests[0]}` {how}; the checksums in `step-12.pt`" in told[0]
    assert [entry.step for entry in checkpoints.entries()] == [12, 5]
    assert restored(checkpoints, tiny(1))[:2] == (12, [])


def test_of_lost_manifests_only_sound_files_get_a_new_one(tmp_path: Path, tiny: Maker) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5, 12)
    for entry in checkpoints.entries():
        emptied(entry.manifest)
    flip(tmp_path / "checkpoints" / "step-12.pt")
    step, told, _ = restored(checkpoints, tiny(1))
    assert step == 5
    assert "`step-5.pt` itself are right" in told[0]
    assert "step-12.pt` is not used: its manifest is damaged, and its own checksums" in told[1]


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink])
def test_a_run_never_begins_again_unasked_where_nothing_is_sound(
    tmp_path: Path, tiny: Maker, damage: Callable[[Path], object]
) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5, 12)
    for entry in checkpoints.entries():
        emptied(entry.manifest)
        damage(entry.path)
    before = sorted((tmp_path / "checkpoints").iterdir())
    with pytest.raises(TrainingError, match="no checkpoint is left; delete"):
        restored(checkpoints, tiny(1))
    assert sorted((tmp_path / "checkpoints").iterdir()) == before


def test_another_runs_file_gets_no_manifest(tmp_path: Path, tiny: Maker) -> None:
    saved(tmp_path, tiny(0), 5).entries()[0].manifest.unlink()
    with pytest.raises(TrainingError, match="it is another run's: `seed` is 3 there and 4 here"):
        restored(Checkpoints(tmp_path / "checkpoints", {**IDENTITY, "seed": 4}), tiny(1))


def test_a_save_leaves_alone_what_lost_its_manifest_meanwhile(tmp_path: Path, tiny: Maker) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5)
    emptied(checkpoints.entries()[0].manifest)
    for step in (12, 13, 14):
        checkpoints.save(state_of(tiny(0), step))
    assert (tmp_path / "checkpoints" / "step-5.pt").exists()
    assert not (tmp_path / "checkpoints" / "step-12.pt").exists()


def test_a_manifest_cannot_lead_out_of_the_folder(tmp_path: Path, tiny: Maker) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5, 12)
    manifest = checkpoints.entries()[0].manifest
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "file": "../step-12.pt"}))
    assert [entry.step for entry in checkpoints.entries()] == [5]


def test_a_checkpoint_that_could_run_code_is_refused(
    tmp_path: Path, tiny: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoints = saved(tmp_path, tiny(0), 5)
    state = state_of(tiny(0), 12)
    state.micro_batches = Flag()  # type: ignore[assignment]
    checkpoints.save(state)
    step, told, _ = restored(checkpoints, tiny(1))
    assert step == 5
    assert "it holds more than tensors and plain values" in told[0]
    assert not Path("unpickled").exists()


def test_the_last_ones_and_the_best_are_kept(tmp_path: Path, tiny: Maker) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", IDENTITY)
    model = tiny(0)
    for step, first in ((1, 50), (2, 80), (3, 60), (4, 70), (5, 10)):
        state = state_of(model, step)
        state.evaluations[step] = Evaluation(100, 1.0, first, 100)
        checkpoints.save(state)
    assert [entry.step for entry in checkpoints.entries()] == [5, 4, 2]
    assert KEPT == 2
    assert len(list(checkpoints.folder.iterdir())) == 6


def test_what_another_network_left_is_refused_with_the_tensors_that_differ(
    tmp_path: Path, tiny: Maker
) -> None:
    checkpoints = saved(tmp_path, tiny(0, classes=4), 5)
    model = tiny(1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(
        TrainingError, match=r"`6.weight` is 4 x 6 there and 3 x 6 here; `6.bias` is 4 there"
    ):
        restored(checkpoints, model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_what_another_run_left_is_refused_with_the_settings_that_differ(
    tmp_path: Path, tiny: Maker
) -> None:
    saved(tmp_path, tiny(0), 5)
    other = Checkpoints(tmp_path / "checkpoints", {"network": "abc", "seed": 4, "batch": 8})
    words = "another run's: `seed` is 3 there and 4 here; `batch` is unset there and 8 here"
    with pytest.raises(TrainingError, match=words):
        restored(other, tiny(1))


def test_a_part_that_the_checkpoint_lacks_is_named(tmp_path: Path, tiny: Maker) -> None:
    checkpoints = saved(tmp_path, tiny(0), 5)
    state = state_of(tiny(1))
    state.parts = {**state.parts, "ema": tiny(2)}
    with pytest.raises(TrainingError, match="`ema` is not in the checkpoint"):
        checkpoints.restore(state)


def test_a_state_with_a_number_that_is_none_is_not_saved(tmp_path: Path, tiny: Maker) -> None:
    model = tiny(0)
    checkpoints = saved(tmp_path, model, 5)
    with torch.no_grad():
        next(model.parameters()).view(-1)[3] = float("nan")
    with pytest.raises(Diverged, match="after step 9"):
        checkpoints.save(state_of(model, 9))
    assert restored(checkpoints, tiny(1))[0] == 5


def test_a_full_disk_leaves_the_checkpoints_before_as_they_were(
    tmp_path: Path, tiny: Maker
) -> None:
    resource = pytest.importorskip("resource")
    model = tiny(0)
    checkpoints = saved(tmp_path, model, 5)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(TrainingError, match="cannot be written: file too large"):
            checkpoints.save(state_of(model, 9))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert restored(checkpoints, tiny(1))[:2] == (5, [])
    names = {path.name for path in checkpoints.folder.iterdir()}
    assert names == {"step-5.pt", "step-5.json"}


def test_checkpoints_come_by_the_clock_unless_steps_are_named(
    tmp_path: Path, tiny: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(module, "monotonic", lambda: now)
    checkpoints = Checkpoints(tmp_path / "checkpoints", IDENTITY, None)
    checkpoints._saved = now
    assert not checkpoints.are_due(100)
    now = 601.0
    assert checkpoints.are_due(101)
    checkpoints.save(state_of(tiny(0), 101))
    assert not checkpoints.are_due(102)
    every = Checkpoints(tmp_path / "checkpoints", IDENTITY, every=50)
    assert [step for step in range(1, 201) if every.are_due(step)] == [50, 100, 150, 200]


def test_a_run_with_a_damaged_checkpoint_goes_on_from_the_one_before_and_says_so(
    images: ImageSet, recipe: Recipe, run: RunFolder, tiny: Maker
) -> None:
    class Heard(Progress):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def tell(self, line: str) -> None:
            self.lines.append(line)

    first, again, heard = tiny(0), tiny(0), Heard()
    fit(first, images, images, recipe, run, seed=1, progress=Progress(), checkpoint_every=10)
    entries = Checkpoints(run.checkpoints, {}).entries()
    assert [entry.step for entry in entries] == [25, 20]
    flip(entries[0].path)
    fit(again, images, images, recipe, run, seed=1, progress=heard, checkpoint_every=10)
    assert "step-25-2.pt` is not used" in heard.lines[0]
    assert heard.lines[1:] == ["going on after step 20"]
    found, wanted = again.state_dict(), first.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
