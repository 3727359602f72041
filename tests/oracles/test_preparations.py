"""Preparations beside torchvision's and timm's transforms, and exported programs beside `archgen eval`."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image
from timm.data import create_transform
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

from archgen.cli import main
from archgen.train import load_data
from archgen.train.data import Loading
from archgen.train.data.decoding import decode
from archgen.train.data.images import InputShape, normalised, viewed
from archgen.train.preparation import PREPARATIONS, Preparation

pytestmark = pytest.mark.oracle
SIZES = [(300, 400), (500, 224), (224, 224), (257, 256), (90, 130), (331, 330)]
NET = """\
archgen: 1
name: tiny
input: {channels: 3, grid: 16}
network:
  - conv: {filters: 8, kernel: 3, padding: same}
  - global_avg_pool
  - linear: {features: 3}
"""


def photograph(height: int, width: int) -> Image.Image:
    """A picture with edges and some noise."""
    draws = np.random.default_rng(height * width)
    coarse = draws.integers(0, 256, (height // 20 + 1, width // 20 + 1, 3), dtype=np.uint8)
    smooth = np.array(Image.fromarray(coarse).resize((width, height)), np.int16)
    noisy = smooth + draws.integers(-20, 20, smooth.shape)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def ours(image: Image.Image, prepared: Preparation, side: int) -> Tensor:
    written = io.BytesIO()
    image.save(written, "PNG")
    fitted = prepared.fitted(3, side, side)
    seen = viewed(decode(written.getvalue(), "x", fitted), InputShape(3, side, side), fitted)
    return normalised(seen, fitted)[0]


@pytest.mark.parametrize(("resized", "interpolation"), [(256, "bilinear"), (232, "bicubic")])
@pytest.mark.parametrize("size", SIZES)
def test_an_image_is_seen_as_torchvisions_weights_ask(
    size: tuple[int, int], resized: int, interpolation: str
) -> None:
    image = photograph(*size)
    mode = InterpolationMode(interpolation)
    theirs = ImageClassification(crop_size=224, resize_size=resized, interpolation=mode)
    view = {"name": "resize_and_crop", "shorter_side": resized}
    settings = {"view": view, "interpolation": interpolation}
    constants = PREPARATIONS["torchvision"].model_dump(include={"mean", "std"})
    made = ours(image, Preparation.model_validate({**settings, **constants}), 224)
    assert float((made - theirs(image)).abs().max()) < 2.5 / 255 / 0.224


@pytest.mark.parametrize("share", [0.875, 0.9, 1.0])
@pytest.mark.parametrize("size", SIZES)
def test_an_image_is_seen_as_timm_does_at_the_same_share(
    size: tuple[int, int], share: float
) -> None:
    image = photograph(*size)
    constants = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    theirs = create_transform(299, crop_pct=share, interpolation="bicubic", **constants)
    view = {"name": "resize_and_crop", "fraction": share}
    settings = {"view": view, "interpolation": "bicubic", "mean": 0.5, "std": 0.5}
    made = ours(image, Preparation.model_validate(settings), 299)
    assert float((made - theirs(image)).abs().max()) < 2.5 / 255 / 0.5


def test_onnxruntime_on_prepared_pixels_gives_the_figure_of_eval(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for split, count in (("train", 8), ("val", 6)):
        for number, name in enumerate(("dark", "mid", "light")):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                image = photograph(24 + index, 40).point(lambda p, n=number: p // 2 + 25 * n)
                image.save(folder / f"{index}.png")
    (tmp_path / "net.yaml").write_text(NET)
    recipe = "archgen: 1\nrecipe: {optimizer: {name: adamw, lr: 0.02}, batch: 8, steps: 20,"
    (tmp_path / "r.yaml").write_text(f"{recipe} augment: {{preset: torchvision}}}}\n")
    trained = ["train", "net.yaml", "--recipe", "r.yaml", "--data", "photos", "--out", "run"]
    assert main(trained) == 0
    weights = ["--weights", "run/model.safetensors"]
    assert main(["export", "net.yaml", *weights, "-o", "net.onnx"]) == 0
    capsys.readouterr()
    assert main(["eval", "run", "--format", "json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    facts = {entry.key: entry.value for entry in onnx.load("net.onnx").metadata_props}
    prepared = Preparation.model_validate_json(facts["preparation"])
    assert json.loads(facts["mean"]) == list(prepared.mean)
    loading = Loading(preparation=prepared)
    data = load_data("photos", channels=3, height=16, width=16, split="test", loading=loading)
    assert json.loads(facts["classes"]) == list(data.classes)
    session, right = onnxruntime.InferenceSession("net.onnx"), 0
    for images, labels in data.in_order(5):
        (logits,) = session.run(None, {"images": data.normalised(images).contiguous().numpy()})
        right += int((torch.from_numpy(logits).argmax(1) == labels).sum())
    assert right / len(data) == figures["top1"]
