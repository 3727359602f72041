from __future__ import annotations

import hashlib
import io
import os
import pickle
import subprocess
import sys
import tarfile
from dataclasses import replace
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from archgen.train import (
    DataError,
    ImageSet,
    Loading,
    Recipe,
    StreamedSet,
    load_data,
)
from archgen.train.data import Images, held
from archgen.train.data.images import Split
from archgen.train.schedule import Timeline
from archgen.train.streamed_batches import Steps, batches_of
from tests.train.conftest import RECIPE

CPU = torch.device("cpu")
WHOLE = Loading()
SKIP = Loading(on_bad="skip", max_bad=0.2)
PRESETS = ["inception_tf", "torchvision"]


def photo(path: Path, number: int) -> None:
    """A small picture of noise, of its own size."""
    draws = np.random.default_rng(number)
    pixels = draws.integers(0, 256, (12 + number % 5, 16 - number % 3, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "pets"
    for number in range(20):
        name = ("cat", "dog")[number % 2]
        photo(folder / "train" / name / f"{number:02}.{('jpg', 'png')[number % 4 // 2]}", number)
        photo(folder / "val" / name / f"{number:02}.jpg", 50 + number)
    return folder


@pytest.fixture
def streaming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "HELD_BYTES", 0)


def pack(root: Path) -> Path:
    """The same images in tar files of seven, beside the folder."""
    packed = root.parent / "packed"
    for split in ("train", "val"):
        (packed / split).mkdir(parents=True)
        files = sorted((root / split).rglob("*.*"))
        for shard in range(0, len(files), 7):
            with tarfile.open(packed / split / f"{shard:03}.tar", "w") as archive:
                for file in files[shard : shard + 7]:
                    archive.add(file, str(file.relative_to(root / split)))
    return packed


def load(root: Path, loading: Loading = WHOLE, split: Split = "train") -> Images:
    return load_data(str(root), channels=3, height=9, width=11, split=split, loading=loading)


def recipe_for(loading: Loading, **augment: object) -> Recipe:
    augment = {"preset": loading.preset} if loading.preset else augment
    return Recipe.model_validate({**RECIPE, "batch": 6, "steps": 7, "augment": augment})


def batches(
    root: Path,
    loading: Loading = WHOLE,
    start: int = 0,
    **augment: object,
) -> tuple[list[Tensor], list[Tensor]]:
    data, recipe = load(root, loading), recipe_for(loading, **augment)
    with batches_of(data, recipe, Timeline.of(recipe, len(data)), seed=3) as made:
        taken = [made.at(step, CPU) for step in range(start, 7)]
    return [images for images, _ in taken], [labels for _, labels in taken]


def same(a: tuple[list[Tensor], list[Tensor]], b: tuple[list[Tensor], list[Tensor]]) -> bool:
    pairs = [
        (x, y) for one, other in zip(a, b, strict=True) for x, y in zip(one, other, strict=True)
    ]
    return bool(pairs) and all(torch.equal(x, y) for x, y in pairs)


def test_a_streamed_set_gives_the_very_batches_of_one_in_memory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(load(root), ImageSet)
    in_memory = batches(root, flip=True, crop_padding=2)
    monkeypatch.setattr(held, "HELD_BYTES", 0)
    assert isinstance(load(root), StreamedSet)
    assert same(batches(root, flip=True, crop_padding=2), in_memory)


@pytest.mark.parametrize("preset", PRESETS)
def test_batches_do_not_depend_on_workers_or_on_where_a_run_starts(root: Path, preset: str) -> None:
    loading = Loading(preset=preset)  # type: ignore[arg-type]  # one of two names
    alone = batches(root, loading)
    assert same(batches(root, replace(loading, workers=2)), alone)
    later = batches(root, replace(loading, workers=1), start=4)
    assert same(later, (alone[0][4:], alone[1][4:]))
    assert not torch.equal(alone[0][0], alone[0][3])  # another epoch, other crops


def test_loading_draws_nothing_from_the_global_generator(root: Path) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    batches(root, Loading(preset="inception_tf", workers=1))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("loading", [Loading(), Loading(preset="inception_tf", workers=1)])
def test_tar_files_give_the_same_batches_as_the_folder(root: Path, loading: Loading) -> None:
    assert same(batches(pack(root), loading), batches(root, loading))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_pixels_of_a_preset_are_normalised_by_its_constants(root: Path, preset: str) -> None:
    images, _ = batches(root, Loading(preset=preset))  # type: ignore[arg-type]
    lowest, highest = (-1.0, 1.0) if preset == "inception_tf" else (-2.12, 2.65)
    assert lowest - 0.01 <= float(torch.stack(images).min()) < 0
    assert 0 < float(torch.stack(images).max()) <= highest + 0.01


def test_what_a_loading_process_needs_goes_to_one_that_was_not_forked(root: Path) -> None:
    """macOS and Windows start such processes anew, and send them the set."""
    loading = Loading(preset="inception_tf")
    data, recipe = load(root, loading), recipe_for(loading)
    assert isinstance(data, StreamedSet)
    steps = Steps(data, recipe.batch, Timeline.of(recipe, len(data)), seed=3)
    sent = root.parent / "steps.pickle"
    sent.write_bytes(pickle.dumps(steps))
    program = (
        "import pickle, sys, hashlib\n"
        "batch = pickle.load(open(sys.argv[1], 'rb'))[5]\n"
        "print(hashlib.sha256(batch.images.contiguous().numpy().tobytes()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(sent)], capture_output=True, text=True, check=True
    )
    here = hashlib.sha256(steps[5].images.contiguous().numpy().tobytes()).hexdigest()
    assert done.stdout.strip() == here


def test_evaluation_sees_every_image_once(root: Path) -> None:
    data = load(root, Loading(preset="torchvision", workers=2), "test")
    counts = [len(labels) for _, labels in data.in_order(6)]
    assert counts == [6, 6, 6, 2]


def damage(path: Path, kind: str) -> None:
    content = path.read_bytes()
    kinds = {"empty": b"", "cut": content[: len(content) // 2], "text": b"no image"}
    if kind == "deep":
        Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(path, "PNG")
    else:
        path.write_bytes(kinds[kind])


KINDS = ["empty", "cut", "text", "deep"]


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_image_stops_a_stream_by_name(root: Path, kind: str, workers: int) -> None:
    path = root / "train" / "dog" / "05.jpg"
    damage(path, kind)
    with pytest.raises(DataError, match=f"`{path}`.*--on-bad skip") as caught:
        batches(root, Loading(workers=workers))
    assert "Traceback" not in str(caught.value)
    assert not active_children()


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("kind", KINDS)
def test_a_skipped_image_is_replaced_by_the_same_other_one_and_named(root: Path, kind: str) -> None:
    path = root / "train" / "dog" / "05.jpg"
    damage(path, kind)
    skipped = batches(root, SKIP)
    assert same(batches(root, replace(SKIP, workers=2)), skipped)
    assert all(len(labels) == 6 for labels in skipped[1])
    data = load(root, SKIP)
    assert isinstance(data, StreamedSet)
    assert sum(len(labels) for _, labels in data.in_order(6)) == 19
    assert list(data.bad.found) == [str(path)]


def test_in_memory_all_bad_images_are_named_at_once_or_left_out(root: Path) -> None:
    paths = [root / "train" / "dog" / f"{number:02}.jpg" for number in (5, 9)]
    for path, kind in zip(paths, KINDS, strict=False):
        damage(path, kind)
    with pytest.raises(DataError) as caught:
        load(root)
    assert "2 of the 20 images" in str(caught.value)
    assert all(str(path) in str(caught.value) for path in paths)
    data = load(root, SKIP)
    assert (len(data), data.labels.bincount().tolist()) == (18, [10, 8])


@pytest.mark.usefixtures("streaming")
def test_more_than_the_permitted_share_is_refused(root: Path) -> None:
    damage(root / "train" / "dog" / "05.jpg", "cut")
    with pytest.raises(DataError, match=r"`--max-bad` allows 0.1 % of them, and these are 5 %"):
        batches(root, Loading(on_bad="skip"))


def test_an_empty_class_is_left_out_with_skip_and_keeps_its_number(root: Path) -> None:
    (root / "train" / "crow").mkdir()
    with pytest.raises(DataError, match="crow` has no images"):
        load(root)
    data = load(root, SKIP)
    assert data.classes == ("cat", "crow", "dog")
    assert data.labels.bincount().tolist() == [10, 0, 10]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(root: Path) -> None:
    (root / "train" / "dog" / "05.jpg").chmod(0)
    with pytest.raises(DataError, match=r"cannot read `.*05\.jpg`: Permission denied"):
        load(root)


def test_a_cut_shard_is_refused_and_not_taken_for_a_short_one(root: Path) -> None:
    shard = pack(root) / "train" / "007.tar"
    content = shard.read_bytes()
    for keep in (512, 1024 + 100, len(content) // 2 // 512 * 512):
        shard.write_bytes(content[:keep])
        with pytest.raises(DataError, match=r"007\.tar"):
            load(shard.parent.parent)


@pytest.mark.usefixtures("streaming")
def test_a_member_is_a_name_and_never_a_path(root: Path) -> None:
    shard = pack(root) / "train" / "zzz.tar"
    with tarfile.open(shard, "w") as archive:
        content = (root / "train" / "cat" / "00.jpg").read_bytes()
        for name in ("/cat/1.jpg", "../../dog/2.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("cat/3.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    data = load(shard.parent.parent)
    assert data.labels.tolist()[-3:] == [0, 1, 0]
    with pytest.raises(DataError, match=r"cat/3\.jpg`: it is a link to what is not in the shard"):
        data.listing.decoded(22)  # type: ignore[union-attr]  # streamed


@pytest.mark.parametrize("name", ["1.jpg", "./1.jpg", "../1.jpg"])
def test_a_member_in_no_class_folder_is_refused(root: Path, name: str) -> None:
    shard = pack(root) / "train" / "zzz.tar"
    with tarfile.open(shard, "w") as archive:
        member = tarfile.TarInfo(name)
        archive.addfile(member, io.BytesIO(b""))
    with pytest.raises(DataError, match="1 in no class folder"):
        load(shard.parent.parent)
