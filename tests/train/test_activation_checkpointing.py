"""Activation checkpointing changes what is kept, and nothing that is computed."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from archgen.train.activation_checkpointing import blocks, checkpoint_blocks


class Block(nn.Module):
    """A convolution with batch norm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        """The same grid and channels again."""
        result: Tensor = self.dropout(self.norm(self.conv(x)).relu())
        return result


class Stacked(nn.Module):
    """One block, then three in a list, as `repeat` is emitted."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Block()
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.linear = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Two logits an image."""
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


def stepped(model: nn.Module) -> tuple[Tensor, int]:
    """The output of a training pass and how many numbers it kept for the backward pass."""
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    torch.manual_seed(1)
    images = torch.randn(8, 4, 16, 16)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(images)
    output.square().sum().backward()
    return output.detach(), sum(kept)


def test_gradients_statistics_and_dropout_are_those_without() -> None:
    torch.manual_seed(0)
    plain = Stacked()
    saving = deepcopy(plain)
    checkpoint_blocks(saving)
    (expected, much), (found, little) = stepped(plain), stepped(saving)
    assert torch.equal(found, expected)
    assert little < much / 2
    for (name, ours), theirs in zip(saving.named_parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad), name
    for name, value in plain.state_dict().items():
        assert torch.equal(value, saving.state_dict()[name]), name
    assert "stem.norm.num_batches_tracked" in saving.state_dict()
    assert int(saving.state_dict()["stem.norm.num_batches_tracked"]) == 1
    assert saving.stem.norm.momentum == 0.1


def test_blocks_are_the_outermost_modules_made_of_others() -> None:
    model = Stacked()
    assert list(blocks(model)) == [model.stem, *model.blocks]


def test_evaluation_is_as_without() -> None:
    model = Stacked().eval()
    images = torch.randn(2, 4, 8, 8)
    with torch.inference_mode():
        expected = model(images)
        checkpoint_blocks(model)
        assert torch.equal(model(images), expected)
