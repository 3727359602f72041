"""What a random spec computes: its ops as plain calls of torch, with weights found by their names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tools.fuzzing.shapes import Shape, amounts, around, is_prelu, norm_settings, pair

# torch's own derivative of hardsigmoid on a CPU, in float64 too: a sixth as float32 has it
HARDSIGMOID_SLOPE = float(torch.tensor(1 / 6, dtype=torch.float32))


class HardSigmoid(torch.autograd.Function):
    """(x + 3) / 6 between 0 and 1, with the derivative that torch's has."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401  # torch's own kind of object
        """The values."""
        ctx.save_for_backward(x)
        return (x + 3).clamp(0, 6) / 6

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:  # noqa: ANN401  # as above
        """The gradient, 0 outside of the slope."""
        (x,) = ctx.saved_tensors
        return grads[0] * torch.where((x > -3) & (x < 3), HARDSIGMOID_SLOPE, 0.0)


def hardsigmoid(x: Tensor) -> Tensor:
    """Torch's function in steps of its own."""
    result: Tensor = HardSigmoid.apply(x)  # type: ignore[no-untyped-call]  # torch does not say
    return result


_ACTS: dict[str, Any] = {
    "none": lambda x: x,
    "relu": torch.relu,
    "relu6": lambda x: x.clamp(0, 6),
    "leaky_relu": lambda x, slope=0.01: torch.where(x >= 0, x, slope * x),
    "silu": lambda x: x * torch.sigmoid(x),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / 2**0.5)),
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hardsigmoid": hardsigmoid,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softmax": lambda x: torch.softmax(x, 1),
}


class Tensors:
    """The engine of tensors: in training, norms use the batch and leave their statistics in `updated`."""

    def __init__(self, weights: Mapping[str, Tensor], *, training: bool) -> None:
        self._weights = weights
        self._training = training
        self.updated: dict[str, Tensor] = {}

    def shape(self, x: Tensor) -> Shape:
        """The shape of one sample."""
        return Shape(x.shape[1], (x.shape[2], x.shape[3]) if x.dim() == 4 else None)

    def op(self, name: str, settings: Mapping[str, Any], x: Tensor, path: str) -> Tensor:
        """The op applied to `x`; dropout passes it on."""
        match name:
            case "conv":
                return self._conv(settings, x, path)
            case "max_pool" | "avg_pool":
                return self._pool(name, settings, x)
            case "linear":
                weight, bias = self._weights[f"{path}.weight"], self._bias(settings, path)
                out = torch.einsum("nc...,fc->nf...", x, weight)
                return out if bias is None else out + bias.view(-1, *[1] * (x.dim() - 2))
            case "norm":
                return self._norm(settings["kind"], x, path)
            case "act":
                return self._act(settings["function"], x, path)
            case "scale":
                factor = settings["factor"]
                return x * (
                    _channels(self._weights[f"{path}.weight"], x) if settings["learned"] else factor
                )
            case "conv_transpose":
                return self._conv_transpose(settings, x, path)
        return rearranged(name, settings, x)

    def parts(self, settings: Mapping[str, Any], x: Tensor) -> dict[str, Tensor]:
        """The parts of a split."""
        ends = list(accumulate(settings.values()))
        return {
            name: x[:, end - settings[name] : end] for name, end in zip(settings, ends, strict=True)
        }

    def _act(self, act: Any, x: Tensor, path: str) -> Tensor:  # noqa: ANN401  # any form of an activation
        if not is_prelu(act):
            return activated(act, x)
        return torch.where(x >= 0, x, _channels(self._weights[f"{path}.weight"], x) * x)

    def _bias(self, settings: Mapping[str, Any], path: str) -> Tensor | None:
        return self._weights[f"{path}.bias"] if settings["bias"] else None

    def _conv(self, settings: Mapping[str, Any], x: Tensor, path: str) -> Tensor:
        x = x if x.dim() == 4 else x[:, :, None, None]
        (top, bottom), (left, right) = amounts(settings, (x.shape[2], x.shape[3]))
        x = F.conv2d(
            F.pad(x, (left, right, top, bottom)),
            self._weights[f"{path}.weight"],
            self._bias(settings, path),
            stride=pair(settings["stride"]),
            dilation=pair(settings["dilation"]),
            groups=settings["groups"],
        )
        return self._carried(settings, x, path)

    def _conv_transpose(self, settings: Mapping[str, Any], x: Tensor, path: str) -> Tensor:
        x = x if x.dim() == 4 else x[:, :, None, None]
        cut = around(0 if settings["padding"] == "valid" else settings["padding"])
        x = F.conv_transpose2d(
            x,
            self._weights[f"{path}.weight"],
            self._bias(settings, path),
            stride=pair(settings["stride"]),
            padding=(cut[0][0], cut[1][0]),
            output_padding=settings["extra"],
            groups=settings["groups"],
            dilation=pair(settings["dilation"]),
        )
        return self._carried(settings, x, path)

    def _carried(self, settings: Mapping[str, Any], x: Tensor, path: str) -> Tensor:
        """Norm and activation behind a convolution."""
        x = self._norm(settings["norm"], x, f"{path}.norm")
        return self._act(settings["act"], x, f"{path}.act")

    def _norm(self, kind: Any, x: Tensor, path: str) -> Tensor:  # noqa: ANN401  # any form of a norm
        if kind == "none":
            return x
        name, settings = norm_settings(kind)
        if name == "batch":
            mean, var = self._statistics(settings["momentum"], x, path)
            out = standard(x, _channels(mean, x), _channels(var, x), settings["eps"])
        else:
            groups = x.unflatten(1, (settings.get("groups", 1), -1))
            over = (2,) if name == "layer" else tuple(range(2, groups.dim()))
            mean, var = (
                groups.mean(over, keepdim=True),
                groups.var(over, unbiased=False, keepdim=True),
            )
            out = standard(groups, mean, var, settings["eps"]).flatten(1, 2)
        if settings["affine"]:
            weight, bias = (self._weights[f"{path}.{name}"] for name in ("weight", "bias"))
            out = out * _channels(weight, x) + _channels(bias, x)
        return out

    def _statistics(self, share: float, x: Tensor, path: str) -> tuple[Tensor, Tensor]:
        """The mean and variance of a batch norm; in training those of the batch, which it remembers."""
        names = [f"{path}.running_mean", f"{path}.running_var"]
        mean, var = (self._weights[name].clone() for name in names)
        if not self._training:
            return mean, var
        old, over = (mean, var), (0, *range(2, x.dim()))
        mean, var = x.mean(over), x.var(over, unbiased=False)
        seen = (mean, x.var(over))
        changed = [(1 - share) * o + share * s.detach() for o, s in zip(old, seen, strict=True)]
        self.updated |= dict(zip(names, changed, strict=True))
        return mean, var

    def _pool(self, name: str, settings: Mapping[str, Any], x: Tensor) -> Tensor:
        (top, _), (left, _) = amounts(settings, (x.shape[2], x.shape[3]))
        kernel, stride = pair(settings["kernel"]), pair(settings["stride"])
        if name == "max_pool":
            return F.max_pool2d(x, kernel, stride, (top, left), ceil_mode=settings["ceil"])
        return F.avg_pool2d(
            x, kernel, stride, (top, left), settings["ceil"], settings["count_include_pad"]
        )

    def join(self, name: str, settings: Mapping[str, Any], values: list[Tensor]) -> Tensor:
        """The join of `values`."""
        if name == "concat":
            return torch.cat(values, 1)
        if name == "residual":
            return activated(settings["act"], values[0] + settings["scale"] * values[1])
        if name == "multiply" and any(value.dim() == 4 for value in values):
            values = [v if v.dim() == 4 else v[:, :, None, None] for v in values]
        total = values[0]
        for value in values[1:]:
            total = total * value if name == "multiply" else total + value
        return total


def _channels(numbers: Tensor, x: Tensor) -> Tensor:
    """One number a channel, beside the value `x`."""
    return numbers.view(1, -1, *[1] * (x.dim() - 2))


def standard(x: Tensor, mean: Tensor, var: Tensor, eps: float) -> Tensor:
    """The value with that mean and variance taken out of it."""
    return (x - mean) / (var + eps).sqrt()


def rearranged(name: str, settings: Mapping[str, Any], x: Tensor) -> Tensor:
    """An op without weights; dropout passes its input on."""
    match name:
        case "global_avg_pool":
            return x.mean((2, 3))
        case "flatten":
            return x.flatten(1)
        case "l2_normalize":
            x = x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp_min(1e-12)
        case "lrn":
            return local_response(settings, x)
        case "channel_shuffle":
            x = x.unflatten(1, (settings["groups"], -1)).transpose(1, 2).flatten(1, 2)
        case "pad":
            (top, bottom), (left, right) = around(settings["amount"])
            mode = "constant" if settings["mode"] == "zeros" else settings["mode"]
            x = F.pad(x, (left, right, top, bottom), mode)
        case "upsample":
            return enlarged(settings, x)
    return x


def local_response(settings: Mapping[str, Any], x: Tensor) -> Tensor:
    """Each channel over its neighbours, which are looked at one by one."""
    size, columns = settings["size"], []
    for channel in range(x.shape[1]):
        first = channel - size // 2
        near = x[:, max(0, first) : max(0, first + size)]
        mean = near.square().sum(1) / size
        columns.append(
            x[:, channel] / (settings["k"] + settings["alpha"] * mean) ** settings["beta"]
        )
    return torch.stack(columns, 1)


def enlarged(settings: Mapping[str, Any], x: Tensor) -> Tensor:
    """A grid by whole factors."""
    height, width = pair(settings["factor"])
    if settings["mode"] == "nearest":
        return x.repeat_interleave(height, 2).repeat_interleave(width, 3)
    size = (height * x.shape[2], width * x.shape[3])
    corners = settings["align_corners"]
    out: Tensor = F.interpolate(x, size, mode="bilinear", align_corners=corners)
    return out


def activated(act: Any, x: Tensor) -> Tensor:  # noqa: ANN401  # any form of an activation
    """The activation `act` of `x`."""
    if isinstance(act, dict):
        ((name, settings),) = act.items()
        return _ACTS[name](x, **settings)  # type: ignore[no-any-return]
    return _ACTS[act](x)  # type: ignore[no-any-return]
