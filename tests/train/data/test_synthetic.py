from __future__ import annotations

import torch
from torch import Tensor

from archgen.train import ImageSet, load_data
from archgen.train.data.images import Split


def synthetic(split: Split, channels: int = 3) -> ImageSet:
    data = load_data("synthetic", channels=channels, height=16, width=20, split=split)
    assert isinstance(data, ImageSet)
    return data


def flat(data: ImageSet) -> Tensor:
    return data.images.flatten(1).float()


def test_it_is_made_in_the_shape_asked_for() -> None:
    assert synthetic("train", channels=1).images.shape == (512, 1, 16, 20)
    assert synthetic("test").images.shape == (256, 3, 16, 20)


def test_it_is_the_same_every_time() -> None:
    assert torch.equal(synthetic("train").images, synthetic("train").images)


def test_the_splits_share_their_patterns_and_not_their_noise() -> None:
    train, test = synthetic("train"), synthetic("test")
    centres = torch.stack([flat(train)[train.labels == k].mean(0) for k in range(10)])
    nearest = torch.cdist(flat(test), centres).argmin(1)
    assert torch.equal(nearest, test.labels)
    assert not torch.equal(train.images[:256], test.images)
