from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from archgen.train import ImageSet, TrainingError, load_data
from archgen.train import devices as module
from archgen.train.batches import augmented
from archgen.train.computing import described_device
from archgen.train.data import Loading
from archgen.train.devices import check_precision, choose_device, resident
from archgen.train.recipe import Augment


def with_cards(monkeypatch: pytest.MonkeyPatch, count: int, *, bf16: bool = True) -> None:
    """As if the machine had that many GPUs."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "Card")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bf16)


def test_auto_is_the_first_gpu_or_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cards(monkeypatch, 0)
    assert choose_device("auto") == torch.device("cpu")
    with_cards(monkeypatch, 2)
    assert choose_device("auto") == torch.device("cuda", 0)
    assert choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:-1", "cpu:0", "", "cuda:0\n", "xla"])
def test_a_name_that_is_no_device_is_told_what_there_is(name: str) -> None:
    with pytest.raises(TrainingError, match="is no device; name auto, cpu, cuda, cuda:N or mps"):
        choose_device(name)


def test_a_gpu_that_is_not_there_is_told_which_are(monkeypatch: pytest.MonkeyPatch) -> None:
    with_cards(monkeypatch, 2)
    with pytest.raises(TrainingError, match=r"no GPU cuda:2 in .*; there is cuda:0, cuda:1"):
        choose_device("cuda:2")
    with_cards(monkeypatch, 0)
    with pytest.raises(TrainingError, match=r"cannot use CUDA here: .*; name `--device cpu`"):
        choose_device("cuda")


def test_bf16_is_refused_on_a_gpu_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    card = torch.device("cuda", 0)
    with_cards(monkeypatch, 1, bf16=False)
    with pytest.raises(TrainingError, match=r"Card does not compute in bf16; .* fp16"):
        check_precision("bf16", card)
    for precision in ("auto", "fp16", "float32"):
        check_precision(precision, card)
    check_precision("bf16", torch.device("cpu"))
    with_cards(monkeypatch, 1)
    check_precision("bf16", card)


def test_small_sets_live_on_the_device(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    meta = torch.device("meta")
    monkeypatch.setattr(ImageSet, "__post_init__", lambda _: None)  # which reads the labels
    moved = resident(images, meta)
    assert isinstance(moved, ImageSet)
    assert (moved.images.device, moved.labels.device) == (meta, meta)
    monkeypatch.setattr(module, "RESIDENT_BYTES", images.images.nbytes - 1)
    assert resident(images, meta) is images


def test_streamed_sets_stay_where_they_are() -> None:
    loading = Loading(preset="torchvision")
    shape = {"channels": 1, "height": 28, "width": 28}
    data = load_data("synthetic", **shape, split="test", loading=loading)
    assert resident(data, torch.device("meta")) is data


def test_images_are_changed_at_random_on_the_device_that_they_are_on(images: ImageSet) -> None:
    augment = Augment(flip=True, crop_padding=2)
    made = augmented(images.images[:8].to("meta"), augment, 0, 0, np.arange(8))
    assert made.device == torch.device("meta")
    assert made.shape == images.images[:8].shape


def test_a_gpu_is_described_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archgen.train.computing.device_of", lambda _: torch.device("cuda", 1))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Card")
    assert described_device(nn.Identity()) == "Card (cuda:1)"
