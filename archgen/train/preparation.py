"""How a stored image becomes what a network sees: without it a figure on images means nothing.

    decode -> exif -> alpha -> view (crop, resize) -> colour -> (p / 255 - mean) / std

Loads no torch; `train.data.images` does what is said here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from archgen.diagnostics import did_you_mean
from archgen.train.part import Part

PreparationName = Literal["plain", "inception_tf", "torchvision"]
GREY, RGB = 1, 3  # channels of a network that takes images
_COLOURS = {"black": (0, 0, 0), "white": (255, 255, 255)}
_ALPHA = ("ignore", *_COLOURS)
_CHANNELS_SCHEMA = {
    "type": ["number", "array"],
    "items": {"type": "number"},
    "minItems": 1,
    "maxItems": RGB,
}


def _numbers(value: object) -> tuple[float, ...]:
    """A number for all channels, or a list of three."""
    found = value if isinstance(value, list | tuple) else [value]
    if len(found) not in (GREY, RGB):
        raise ValueError(f"one number or three are wanted, and these are {len(found)}")
    numbers: list[float] = []
    for each in found:
        if isinstance(each, bool) or not isinstance(each, int | float) or not math.isfinite(each):
            raise ValueError(f"`{str(each).lower()}` is not a finite number")
        numbers.append(float(each))
    return tuple(numbers)


def _positive(value: object) -> tuple[float, ...]:
    found = _numbers(value)
    if min(found) <= 0:
        raise ValueError(f"pixels are divided by it, and {min(found):g} is not above 0")
    return found


def _alpha(value: object) -> str | tuple[int, int, int]:
    """`ignore`, a colour by name, or one as three bytes."""
    if isinstance(value, str) and value in _ALPHA:
        return value
    if isinstance(value, list | tuple) and len(value) == RGB:
        numbers = [each for each in value if isinstance(each, int) and not isinstance(each, bool)]
        if len(numbers) == RGB and all(0 <= each <= 255 for each in numbers):
            return numbers[0], numbers[1], numbers[2]
    near = did_you_mean(str(value), _ALPHA)
    raise ValueError(
        f"`alpha` is one of {', '.join(_ALPHA)}, or a colour such as [128, 128, 128]"
        + (f"; did you mean `{near}`?" if near else "")
    )


Mean = Annotated[tuple[float, ...], BeforeValidator(_numbers), WithJsonSchema(_CHANNELS_SCHEMA)]
Std = Annotated[tuple[float, ...], BeforeValidator(_positive), WithJsonSchema(_CHANNELS_SCHEMA)]
Alpha = Annotated[
    str | tuple[int, int, int],
    BeforeValidator(_alpha),
    WithJsonSchema(
        {
            "if": {"type": "array"},
            "then": {"items": {"type": "integer"}, "minItems": RGB, "maxItems": RGB},
            "else": {"enum": list(_ALPHA)},
        }
    ),
]
Share = Annotated[float, Field(gt=0.0, le=1.0)]


class Stretch(Part):
    """The whole image, resized to the network's grid; the aspect ratio is not kept."""

    name: Literal["stretch"]


class CentralFraction(Part):
    """The central `fraction` of each side, resized to the network's grid, as TensorFlow does it."""

    name: Literal["central_fraction"]
    fraction: Share = Field(description="share of each side that is kept")


class ResizeAndCrop(Part):
    """The image resized with its aspect ratio, then the centre cut out, as torchvision and timm do.

    For a square network the shorter side becomes `shorter_side` pixels, or the network's side over
    `fraction`, rounded down (timm's `crop_pct`).
    """

    name: Literal["resize_and_crop"]
    fraction: Share | None = Field(
        None, description="the network's side as a share of the resized image's shorter side"
    )
    shorter_side: int | None = Field(
        None, ge=1, le=2**14, description="pixels of the shorter side after resizing, instead"
    )

    @model_validator(mode="after")
    def _has_one_size(self) -> Self:
        if (self.fraction is None) == (self.shorter_side is None):
            raise ValueError("`resize_and_crop` says either `fraction` or `shorter_side`")
        return self

    def covered(self, height: int, width: int) -> tuple[int, int]:
        """The smallest height and width of a resized image, for a network of that grid."""
        if self.fraction is not None:
            return math.floor(height / self.fraction), math.floor(width / self.fraction)
        assert self.shorter_side is not None
        scale = self.shorter_side / min(height, width)
        return round(height * scale), round(width * scale)


View: TypeAlias = Stretch | CentralFraction | ResizeAndCrop


class Preparation(Part):
    """From a stored image to what a network sees, where nothing is drawn at random."""

    exif: Literal["ignore", "apply"] = Field(
        "ignore", description="whether an image is turned as its EXIF orientation asks"
    )
    alpha: Alpha = Field(
        "ignore",
        description="what shows through transparent pixels: black, white or a colour such as "
        "[128, 128, 128]; `ignore` shows the colour that is stored there",
    )
    view: Annotated[View, Field(discriminator="name")] = Field(
        Stretch(name="stretch"), description="which part of the image is seen, at what scale"
    )
    interpolation: Literal["bilinear", "bicubic", "nearest"] = Field(
        "bilinear", description="how resizing makes pixels"
    )
    antialias: bool = Field(
        True, description="whether resizing to fewer pixels averages over those it leaves out"
    )
    channel_order: Literal["rgb", "bgr"] = Field(
        "rgb", description="order of the channels of a colour image; `mean` and `std` are in it too"
    )
    mean: Mean = Field(
        (0.5,), description="subtracted from pixels in [0, 1]: a number, or one for each channel"
    )
    std: Std = Field(
        (0.5,), description="what they are then divided by: a number, or one for each channel"
    )

    @model_validator(mode="before")
    @classmethod
    def _nearest_averages_nothing(cls, value: Any) -> Any:  # noqa: ANN401  # whatever was written
        if not isinstance(value, dict) or value.get("interpolation") != "nearest":
            return value
        if value.get("antialias") is True:
            raise ValueError("`nearest` takes single pixels: leave out `antialias`")
        return {"antialias": False, **value}

    def fits(self, height: int, width: int) -> bool:
        """Whether the view of an image is as large as a network's grid."""
        if not isinstance(self.view, ResizeAndCrop):
            return True
        covered = self.view.covered(height, width)
        return covered[0] >= height and covered[1] >= width

    def fitted(self, channels: int, height: int, width: int) -> Preparation:
        """The preparation for a network of that input: `mean` and `std` have a number a channel.

        A grey network takes the mean of three numbers. Raises ValueError where the view is smaller than
        the network's grid.
        """
        if isinstance(self.view, ResizeAndCrop) and not self.fits(height, width):
            raise ValueError(
                f"the view resizes the shorter side to {self.view.shorter_side} pixels, and the "
                f"network takes {height}x{width}"
            )
        order = self.channel_order if channels == RGB else "rgb"
        mean, std = (_for_channels(each, channels) for each in (self.mean, self.std))
        return self.model_copy(update={"mean": mean, "std": std, "channel_order": order})


def _for_channels(values: Sequence[float], channels: int) -> tuple[float, ...]:
    if len(values) == channels:
        return tuple(values)
    return (sum(values) / len(values),) * channels


PREPARATIONS: Mapping[PreparationName, Preparation] = {
    "plain": Preparation(),
    "inception_tf": Preparation(view=CentralFraction(name="central_fraction", fraction=0.875)),
    "torchvision": Preparation(
        view=ResizeAndCrop(name="resize_and_crop", fraction=0.875),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
}
NAMES: tuple[PreparationName, ...] = get_args(PreparationName)
PLAIN = PREPARATIONS["plain"]


def implied(preset: str | None) -> Preparation:
    """The preparation that goes with a preset of augmentation; without one, images as they are."""
    return next((each for name, each in PREPARATIONS.items() if name == preset), PLAIN)


def name_of(prepared: Preparation, channels: int) -> str:
    """The name of a preparation that has one, for a network of that many channels; else nothing."""
    for name, each in PREPARATIONS.items():
        mean, std = (_for_channels(values, channels) for values in (each.mean, each.std))
        if each.model_copy(update={"mean": mean, "std": std}) == prepared:
            return name
    return ""


def in_words(prepared: Preparation, height: int, width: int) -> str:
    """A fitted preparation on one line, every setting that changes a pixel."""
    channels = len(prepared.mean)
    name = name_of(prepared, channels)
    antialias = "antialiased" if prepared.antialias else "not antialiased"
    words = (
        _view_in_words(prepared.view, height, width),
        f"{prepared.interpolation}, {antialias}",
        prepared.channel_order.upper() if channels == RGB else "grey",
        f"mean {_listed(prepared.mean)}, std {_listed(prepared.std)}",
        f"EXIF {'applied' if prepared.exif == 'apply' else 'ignored'}",
        f"transparency {'ignored' if prepared.alpha == 'ignore' else f'on {_listed(prepared.alpha)}'}",
    )
    return (f"{name}: " if name else "") + "; ".join(words)


def _view_in_words(view: View, height: int, width: int) -> str:
    grid = f"{height}x{width}"
    match view:
        case Stretch():
            return f"the whole image stretched to {grid}"
        case CentralFraction():
            return f"the central {view.fraction:g} of each side stretched to {grid}"
        case ResizeAndCrop():
            covered = view.covered(height, width)
            if height == width:
                return f"the shorter side resized to {covered[0]}, the central {grid} cut"
            return f"resized to cover {covered[0]}x{covered[1]}, the central {grid} cut"


def _listed(values: str | Sequence[float]) -> str:
    return values if isinstance(values, str) else " ".join(f"{value:g}" for value in values)


def differing(wanted: Preparation, found: Preparation) -> list[str]:
    """What two fitted preparations do not share, one setting each: `mean 0.5 and not 0.485`."""
    one, other = (each.model_dump(mode="json") for each in (wanted, found))
    return [
        f"{name} {_value(one[name])} and not {_value(other[name])}"
        for name in one
        if one[name] != other[name]
    ]


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {v}" for k, v in value.items() if v is not None) + "}"
    return str(value)
