"""The norms by name: what each learns, and the layer that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from archgen.ir.op import Helper, ModuleCall, ShapeError, Tensors
from archgen.rules import BAD_VALUE

LAYER_NORM_2D = Helper(
    "LayerNorm2d",
    '''class @NAME(nn.LayerNorm):
    """Normalises the channels of each position."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
''',
)


class BatchNorm(NamedTuple):
    """Batch normalisation (arXiv:1502.03167); `momentum` in torch's sense, `affine`: gamma and beta."""

    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = True

    def tensors(self, channels: int) -> Tensors:
        """Gamma and beta, and the running statistics."""
        statistics = {"running_mean": (channels,), "running_var": (channels,)}
        return {**_affine(self.affine, channels), **statistics}

    def module(self, channels: object, *, on_grid: bool) -> ModuleCall:
        """`nn.BatchNorm2d`, for a vector `nn.BatchNorm1d`, with what differs from torch's defaults."""
        given = _given(self, BatchNorm(), ("eps", "momentum", "affine"))
        return ModuleCall(f"nn.BatchNorm{2 if on_grid else 1}d", (channels,), given)


class LayerNorm(NamedTuple):
    """Layer normalisation (arXiv:1607.06450) over the channels of each position."""

    eps: float = 1e-5
    affine: bool = True

    def tensors(self, channels: int) -> Tensors:
        """Gamma and beta."""
        return _affine(self.affine, channels)

    def module(self, channels: object, *, on_grid: bool) -> ModuleCall:
        """`nn.LayerNorm`, on a grid one that has the channels last while it works."""
        given = [*_given(self, LayerNorm(), ("eps",))]
        if not self.affine:
            given.append(("elementwise_affine", False))
        if not on_grid:
            return ModuleCall("nn.LayerNorm", (channels,), tuple(given))
        return ModuleCall(LAYER_NORM_2D.name, (channels,), tuple(given), LAYER_NORM_2D)


class GroupNorm(NamedTuple):
    """Group normalisation (arXiv:1803.08494): each group of channels of a sample by itself."""

    groups: int = 32
    eps: float = 1e-5
    affine: bool = True

    def tensors(self, channels: int) -> Tensors:
        """Gamma and beta."""
        return _affine(self.affine, channels)

    def module(self, channels: object, *, on_grid: bool) -> ModuleCall:
        """`nn.GroupNorm`, which takes vectors as well."""
        given = _given(self, GroupNorm(), ("eps", "affine"))
        return ModuleCall("nn.GroupNorm", (self.groups, channels), given)


NormKind: TypeAlias = "BatchNorm | LayerNorm | GroupNorm"
NORMS: Mapping[str, type[BatchNorm | LayerNorm | GroupNorm]] = {
    "batch": BatchNorm,
    "layer": LayerNorm,
    "group": GroupNorm,
}


def norm_name(norm: NormKind) -> str:
    """What specs call it."""
    return next(name for name, kind in NORMS.items() if isinstance(norm, kind))


def norm_settings(norm: NormKind) -> dict[str, object]:
    """Every setting with its value, as a spec names them."""
    return dict(zip(norm._fields, norm, strict=True))


def norm_params(norm: NormKind | None, channels: int) -> int:
    """Learned numbers: gamma and beta of a norm that has them."""
    return 2 * channels if norm is not None and norm.affine else 0


def require_groups(norm: NormKind | None, channels: int, setting: str) -> None:
    """Raises ShapeError where a group norm's groups do not divide the channels."""
    if isinstance(norm, GroupNorm) and channels % norm.groups:
        message = f"{int(channels)} channels cannot be divided into {norm.groups} groups of a norm"
        help = "write `{group: {groups: N}}` with an N that divides them"
        raise ShapeError(BAD_VALUE, message, setting=setting, help=help)


def _affine(affine: bool, channels: int) -> Tensors:
    return {"weight": (channels,), "bias": (channels,)} if affine else {}


def _given(
    norm: NormKind, plain: NormKind, names: tuple[str, ...]
) -> tuple[tuple[str, object], ...]:
    """The settings that differ from torch's defaults."""
    pairs = ((name, getattr(norm, name)) for name in names)
    return tuple((name, value) for name, value in pairs if value != getattr(plain, name))
