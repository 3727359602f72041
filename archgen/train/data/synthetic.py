"""Made-up images that can be learned: a blurred pattern for each class, under noise."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from archgen.train.data.images import ImageSet, InputShape, Split

NAME = "synthetic"
CLASSES = 10
COUNTS: dict[Split, int] = {"train": 512, "test": 256}
_PATTERN_SEED = 1602
_NOISE_SEEDS: dict[Split, int] = {"train": 7261, "test": 7262}
_NOISE = 40.0


def load_synthetic(split: Split, shape: InputShape) -> ImageSet:
    """Always the same images for one `split` and `shape`; both splits share the patterns."""
    shape.check_room_for(COUNTS[split], NAME)
    patterns = _patterns(shape)
    noise = torch.Generator().manual_seed(_NOISE_SEEDS[split])
    labels = torch.arange(COUNTS[split]) % CLASSES
    images = torch.empty((COUNTS[split], *patterns.shape[1:]), dtype=torch.uint8)
    for row, label in zip(images, labels.tolist(), strict=True):
        grain = torch.randn(row.shape, generator=noise)
        row.copy_((patterns[label] + _NOISE * grain).clamp(0, 255))
    return ImageSet(NAME, images, labels, tuple(f"pattern_{k}" for k in range(CLASSES)))


def _patterns(shape: InputShape) -> torch.Tensor:
    generator = torch.Generator().manual_seed(_PATTERN_SEED)
    coarse = 255 * torch.rand((CLASSES, shape.channels, 4, 4), generator=generator)
    return F.interpolate(coarse, (shape.height, shape.width), mode="bilinear")
