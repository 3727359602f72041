"""`archgen eval`: the figure of a network means the same wherever its weights are found."""

from __future__ import annotations

import json
import random
import shutil
import tarfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from archgen.cli import main
from archgen.cli.preparations import matched
from archgen.train import DataError, load_data
from tests.cli.conftest import Command

NET = """\
archgen: 1
name: tiny
input: {channels: 3, grid: 16}
params:
  num_classes: {type: int, default: 4}
defaults:
  conv: {padding: same, bias: false, norm: batch, act: relu}
network:
  - conv: {filters: 8, kernel: 3}
  - max_pool: {kernel: 2, stride: 2, padding: valid}
  - global_avg_pool
  - linear: {features: num_classes}
"""
RECIPE = """\
archgen: 1
recipe:
  optimizer: {name: adamw, lr: 0.01}
  batch: 8
  steps: 12
  augment: {preset: torchvision}
"""
CLASSES = ("ant", "bee", "cat", "dog")


def photographs(root: Path, split: str, count: int) -> None:
    """Images of classes that differ in brightness, with noise that keeps them from being told apart."""
    draws = np.random.default_rng(len(split))
    for number, name in enumerate(CLASSES):
        folder = root / split / name
        folder.mkdir(parents=True)
        for index in range(count):
            size = (20 + 3 * number, 30 - index, 3)
            pixels = np.clip(90 + 12 * number + draws.normal(0, 60, size), 0, 255).astype("uint8")
            Image.fromarray(pixels).save(folder / f"{index}.png")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec, images, and a run whose images are prepared as torchvision does."""
    root = tmp_path_factory.mktemp("eval")
    (root / "net.yaml").write_text(NET)
    (root / "r.yaml").write_text(RECIPE)
    photographs(root / "photos", "train", 6)
    photographs(root / "photos", "val", 5)
    assert main(["train", *trained(root, root / "run")]) == 0
    return root


def trained(root: Path, run: Path, recipe: str = "r.yaml") -> list[str]:
    words = [str(root / "net.yaml"), "--recipe", str(root / recipe)]
    return [*words, "--data", str(root / "photos"), "--out", str(run)]


def figures(archgen: Command, *arguments: object) -> dict[str, Any]:
    result = archgen("eval", *map(str, arguments), "--format", "json")
    assert result.status == 0, result.err
    found: dict[str, Any] = json.loads(result.out)
    return found


def at_the_end(run: Path) -> dict[str, Any]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    found: dict[str, Any] = next(
        report for report in map(json.loads, reversed(lines)) if report["kind"] == "test"
    )
    return found


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    names = ("count", "top1", "top5")
    return [one[n] for n in names] == [other[n] for n in names] and (
        one["loss"] == pytest.approx(other["loss"], rel=1e-5)
    )


def test_a_spec_with_weights_gives_the_figure_of_the_run(work: Path, archgen: Command) -> None:
    run = work / "run"
    of_run = figures(archgen, run)
    spec = [work / "net.yaml", "--weights", run / "model.safetensors", "--data", work / "photos"]
    of_spec = figures(archgen, *spec)
    assert same(of_run, at_the_end(run))
    assert same(of_spec, of_run)
    assert of_spec["preparation"] == of_run["preparation"]
    assert of_run["preparation"]["mean"] == [0.485, 0.456, 0.406]


@pytest.mark.parametrize("seed", range(6))
def test_a_random_preparation_gives_one_figure_in_the_run_and_beside_its_weights(
    seed: int, work: Path, tmp_path: Path, archgen: Command
) -> None:
    chance = random.Random(seed)  # noqa: S311  # not a secret
    side = chance.choice(["fraction: 0.7", "shorter_side: 21"])
    preset = chance.choice(["", "\n  augment: {preset: inception_tf}"])
    lines = (
        f"exif: {chance.choice(['apply', 'ignore'])}",
        f"alpha: {chance.choice(['ignore', 'white', '[3, 200, 9]'])}",
        "view: {name: " + chance.choice([f"resize_and_crop, {side}", "stretch"]) + "}",
        f"interpolation: {chance.choice(['bilinear', 'bicubic', 'nearest'])}",
        f"channel_order: {chance.choice(['rgb', 'bgr'])}",
        f"mean: {[round(chance.random(), 3) for _ in range(3)]}",
        f"std: {chance.choice([0.25, [0.2, 0.3, 0.4]])}",
    )
    body = "".join(f"\n    {line}" for line in lines)
    (work / f"{seed}.yaml").write_text(
        RECIPE.replace("\n  augment: {preset: torchvision}", preset) + f"  preparation:{body}\n"
    )
    run = tmp_path / "run"
    assert main(["train", *trained(work, run, f"{seed}.yaml")]) == 0
    spec = [work / "net.yaml", "--weights", run / "model.safetensors", "--data", work / "photos"]
    of_run, of_spec = figures(archgen, run), figures(archgen, *spec)
    assert same(of_run, at_the_end(run))
    assert same(of_spec, of_run)
    stated = tmp_path / "stated.safetensors"
    save_file(load_file(run / "model.safetensors"), stated)  # without metadata
    spec[2] = stated
    assert same(figures(archgen, *spec, "--preparation", run / "preparation.yaml"), of_run)


def test_every_figure_says_how_images_were_prepared(work: Path, archgen: Command) -> None:
    out = archgen("eval", str(work / "run")).out
    assert "over all 4 classes of the network, matched by name" in out
    assert "torchvision: the shorter side resized to 18, the central 16x16 cut" in out
    assert "mean 0.485 0.456 0.406" in out


def test_weights_that_say_nothing_are_not_guessed_at(work: Path, archgen: Command) -> None:
    bare = work / "bare.safetensors"
    save_file(load_file(work / "run" / "model.safetensors"), bare)
    given = ["eval", str(work / "net.yaml"), "--weights", str(bare), "--data", str(work / "photos")]
    result = archgen(*given)
    assert result.status == 2
    assert "does not say how its images are prepared" in result.err
    assert "--preparation torchvision" in result.err
    told = archgen(*given, "--preparation", "torchvision")
    assert told.status == 0
    assert "nothing names the outputs" in told.out
    assert "the first is `ant`, the last `dog`" in told.out


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("plain", "mean [0.5, 0.5, 0.5] and not [0.485, 0.456, 0.406]"),
        ("inception_tf", "view {name: central_fraction, fraction: 0.875}"),
        ("torchvison", "did you mean `torchvision`?"),
        ("no/such.yaml", "give a file, or one of plain, inception_tf, torchvision"),
    ],
)
def test_an_option_that_contradicts_the_weights_is_refused(
    option: str, words: str, work: Path, archgen: Command
) -> None:
    result = archgen("eval", str(work / "run"), "--preparation", option)
    assert (result.status, result.out) == (2, "")
    assert words in result.err


@pytest.mark.parametrize("damage", ["{", "[]", '{"mean": "x"}', "9" * 5000])
def test_damaged_metadata_are_one_line(
    damage: str, work: Path, tmp_path: Path, archgen: Command
) -> None:
    for key in ("preparation", "classes"):
        weights = tmp_path / "w.safetensors"
        save_file(load_file(work / "run" / "model.safetensors"), weights, {key: damage})
        given = [str(work / "net.yaml"), "--weights", str(weights), "--data", str(work / "photos")]
        result = archgen("eval", *given, "--preparation", "plain")
        assert result.status == 2
        assert f"`{key}`" in result.err


def other(work: Path, tmp_path: Path, names: dict[str, str]) -> Path:
    """The test images of some classes under other names, and nothing to train on."""
    for new, old in names.items():
        shutil.copytree(work / "photos" / "val" / old, tmp_path / "other" / "val" / new)
    return tmp_path / "other"


def test_a_subset_is_measured_by_name_and_only_where_it_is_wanted(
    work: Path, tmp_path: Path, archgen: Command
) -> None:
    data = other(work, tmp_path, {"bee": "bee", "dog": "dog"})
    refused = archgen("eval", str(work / "run"), "--data", str(data))
    assert refused.status == 2
    assert "the data do not have `ant`, `cat`" in refused.err
    assert "--classes-subset measures on the 2 of 4" in refused.err
    found = figures(archgen, work / "run", "--data", data, "--classes-subset")
    assert found["classes"]["with_images"] == 2
    # the rest of the images are right in the other half of the whole
    shutil.rmtree(tmp_path / "other")
    rest = figures(
        archgen,
        *(work / "run", "--data", other(work, tmp_path, {"ant": "ant", "cat": "cat"})),
        "--classes-subset",
    )
    whole = figures(archgen, work / "run")
    right = [found["top1"] * found["count"], rest["top1"] * rest["count"]]
    assert sum(right) == pytest.approx(whole["top1"] * whole["count"])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"ant": "ant", "bee": "bee", "cat": "cat", "dogs": "dog"}, "(did you mean `dog`?)"),
        ({**{name: name for name in CLASSES}, "elk": "dog"}, "the network does not know `elk`"),
        ({"elk": "dog"}, "the data do not have `ant`, `bee`, `cat`, `dog`"),
    ],
)
@pytest.mark.parametrize("subset", [(), ("--classes-subset",)])
def test_classes_that_the_network_does_not_know_are_refused(
    names: dict[str, str],
    words: str,
    subset: tuple[str, ...],
    work: Path,
    tmp_path: Path,
    archgen: Command,
) -> None:
    data = other(work, tmp_path, names)
    result = archgen("eval", str(work / "run"), "--data", str(data), *subset)
    assert (result.status, result.out) == (2, "")
    assert words in result.err


def test_names_that_differ_in_unicode_form_are_told_apart(
    work: Path, tmp_path: Path, archgen: Command
) -> None:
    weights = tmp_path / "w.safetensors"
    classes = json.dumps(["ant", "bee", "cat", "fee\u0301"])
    save_file(load_file(work / "run" / "model.safetensors"), weights, {"classes": classes})
    names = {"ant": "ant", "bee": "bee", "cat": "cat", "fe\u00e9": "dog"}
    given = ["--weights", str(weights), "--preparation", "plain"]
    data = str(other(work, tmp_path, names))
    result = archgen("eval", str(work / "net.yaml"), *given, "--data", data)
    assert "has the same letters in another Unicode form" in result.err


def test_permuted_classes_are_matched_by_name(work: Path, tmp_path: Path, archgen: Command) -> None:
    """The same network with its outputs in another order gives the same figure."""
    order = [2, 0, 3, 1]
    tensors = load_file(work / "run" / "model.safetensors")
    for name in [name for name in tensors if tensors[name].shape[:1] == (4,)]:
        tensors[name] = tensors[name][order].contiguous()
    weights = tmp_path / "w.safetensors"
    save_file(tensors, weights, {"classes": json.dumps([CLASSES[number] for number in order])})
    given = ["--weights", weights, "--preparation", "torchvision", "--data", work / "photos"]
    assert same(figures(archgen, work / "net.yaml", *given), figures(archgen, work / "run"))


def test_the_number_of_unnamed_outputs_must_be_that_of_the_classes(
    work: Path, tmp_path: Path, archgen: Command
) -> None:
    bare = tmp_path / "bare.safetensors"
    save_file(load_file(work / "run" / "model.safetensors"), bare)
    data = other(work, tmp_path, {"ant": "ant", "bee": "bee"})
    given = ["--weights", str(bare), "--preparation", "torchvision", "--data", str(data)]
    for more in ([], ["--classes-subset"]):
        result = archgen("eval", str(work / "net.yaml"), *given, *more)
        assert result.status == 2
        assert "under `classes:` in a file for --preparation" in result.err
    named = tmp_path / "named.yaml"
    text = (work / "run" / "preparation.yaml").read_text()
    named.write_text(text)
    given[3] = str(named)
    assert archgen("eval", str(work / "net.yaml"), *given, "--classes-subset").status == 0


def test_labels_of_streamed_images_are_renumbered_too(work: Path) -> None:
    data = load_data(str(work / "photos"), channels=3, height=8, width=8, split="test")
    known = ("zebra", *reversed(CLASSES))
    found = matched(known, data, 5, is_subset=True)
    assert [known[label] for label in found.images.labels.tolist()] == [
        data.classes[label] for label in data.labels.tolist()
    ]
    assert (found.classes, found.present) == (5, 4)
    assert torch.equal(data.labels, torch.arange(4).repeat_interleave(5))


def test_a_folder_with_test_images_alone_is_measured(
    work: Path, tmp_path: Path, archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(work / "photos" / "val", tmp_path / "plain" / "val")
    (tmp_path / "tars" / "val").mkdir(parents=True)
    with tarfile.open(tmp_path / "tars" / "val" / "0.tar", "w") as archive:
        archive.add(work / "photos" / "val", ".")
    monkeypatch.chdir(tmp_path)
    whole = figures(archgen, work / "run")
    for name in ("plain", "tars", str(tmp_path / "plain")):
        assert same(figures(archgen, work / "run", "--data", name), whole)
    refused = archgen("train", str(work / "net.yaml"), "--data", "plain", "--out", "new")
    assert refused.status == 2
    assert "has no subfolder train/" in refused.err


def test_test_images_alone_in_idx_form_are_measured(tmp_path: Path) -> None:
    source = files("archgen.train") / "datasets" / "fashion_mnist"
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    data = load_data(str(tmp_path), channels=1, height=28, width=28, split="test")
    assert len(data.classes) == 10
    with pytest.raises(DataError, match="train-images"):
        load_data(str(tmp_path), channels=1, height=28, width=28, split="train")


def test_a_run_may_be_prepared_as_the_line_says(
    work: Path, tmp_path: Path, archgen: Command
) -> None:
    run = tmp_path / "run"
    told = archgen("train", *trained(work, run), "--preparation", "plain")
    assert told.status == 0
    assert "test images are prepared as plain: the whole image stretched to 16x16" in told.err
    assert "prepared as plain: " in told.out
    assert figures(archgen, run)["preparation"]["view"] == {"name": "stretch"}
    assert same(figures(archgen, run), at_the_end(run))


def test_a_preparation_of_a_run_that_was_edited_is_not_passed_over(
    work: Path, tmp_path: Path, archgen: Command
) -> None:
    shutil.copytree(work / "run", tmp_path / "run")
    edited = tmp_path / "run" / "preparation.yaml"
    edited.write_text(edited.read_text().replace("0.485", "0.5"))
    result = archgen("eval", str(tmp_path / "run"))
    assert result.status == 2
    assert "mean [0.5, 0.456, 0.406] and not [0.485, 0.456, 0.406]" in result.err
