"""Random plain ops: their settings, by number, word and expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.fuzzing.generate_values import Draw, named
from tools.fuzzing.plan import Expression, Step
from tools.fuzzing.reference import DEFAULTS
from tools.fuzzing.shapes import Shape


class OpWriter:
    """Writes single ops; what the network's `defaults` say may be left out."""

    def __init__(self, draw: Draw, defaults: Mapping[str, Mapping[str, Any]]) -> None:
        self._draw = draw
        self._defaults = defaults

    def conv(self, values: Mapping[str, Any]) -> Step:
        """A convolution, now and then a grouped or a transposed one."""
        if self._draw.chance(0.1):
            return self._conv_transpose(values)
        draw = self._draw
        settings = {
            "filters": draw.number(values, 1, 8),
            "kernel": draw.window(values, (1, 1, 2, 3, 3, 4, 5)),
            "stride": draw.window(values, (1, 1, 1, 2, 3), odd=0.1),
            "padding": draw.padding(values),
            "dilation": draw.window(values, (1,) if draw.chance(0.7) else (1, 2), odd=0.1),
            "groups": 1,
            "bias": draw.flag(values),
            "norm": draw.norm(values),
            "act": draw.act(values),
        }
        if draw.chance(0.3):
            self._group(settings, values)
        return Step("conv", self.written("conv", settings))

    def _group(self, settings: dict[str, Any], values: Mapping[str, Any]) -> None:
        """Depthwise, or as many groups as divide."""
        channels = values["here.channels"]
        if self._draw.chance(0.5):
            settings["groups"] = named("here.channels")
            settings["filters"] = self._draw.one(
                (
                    named("here.channels"),
                    Expression("2 * here.channels", lambda v: 2 * v["here.channels"]),
                )
            )
        else:
            settings["groups"] = self._draw.one([g for g in range(1, 7) if channels % g == 0])
            settings["filters"] = settings["groups"] * self._draw.whole(1, 3)

    def _conv_transpose(self, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        settings = {
            "filters": draw.number(values, 1, 6),
            "kernel": draw.window(values, (1, 2, 3, 4)),
            "stride": draw.window(values, (1, 2, 2, 3), odd=0.1),
            "padding": draw.one(("valid", draw.whole(0, 2), [draw.whole(0, 1), draw.whole(0, 2)])),
            "dilation": draw.one((1, 1, 2, "1x2")),
            "extra": draw.number(values, 0, 1, written=0.2),
            "groups": 1,
            "bias": draw.flag(values),
            "norm": draw.norm(values),
            "act": draw.act(values),
        }
        if draw.chance(0.2):
            self._group(settings, values)
        return Step("conv_transpose", self.written("conv_transpose", settings))

    def other(self, x: Shape, values: Mapping[str, Any]) -> Step:
        """An op that is no convolution, and that takes what `x` is."""
        draw = self._draw
        kinds = ["act", "norm", "linear", "quiet", "scale"]
        if x.grid is not None:
            kinds += ["pool", "pool", "pool", "pool", "grid"]
            kinds += ["vector"] if draw.chance(0.3) else []
        match draw.one(kinds):
            case "act":
                return Step("act", {"function": draw.act(values)}, is_bare=True)
            case "norm":
                return Step("norm", {"kind": draw.norm(values)}, is_bare=True)
            case "linear":
                features = draw.number(values, 1, 8)
                settings = {"features": features, "bias": draw.flag(values)}
                return Step("linear", self.written("linear", settings))
            case "pool":
                return self._pool(draw.one(("max_pool", "avg_pool")), values)
            case "grid":
                return self._on_grid(x, values)
            case "scale":
                factor = draw.real(values, (0.5, -0.25, 1e-6, 2.0))
                settings = {"factor": factor, "learned": draw.flag(values)}
                return Step("scale", self.written("scale", settings))
            case "vector":
                return Step(draw.one(("global_avg_pool", "flatten")), is_bare=draw.chance(0.8))
        return self._quiet(values)

    def _quiet(self, values: Mapping[str, Any]) -> Step:
        """An op that does little."""
        draw = self._draw
        name = draw.one(("dropout", "stochastic_depth", "identity", "l2_normalize"))
        if name in ("identity", "l2_normalize"):
            return Step(name, is_bare=draw.chance(0.8))
        rates = (0.0, 0.2, 0.5) if name == "dropout" else (0.0, 0.0, 0.0, 0.2)
        return Step(name, {"rate": draw.real(values, rates)}, is_bare=draw.chance(0.5))

    def _on_grid(self, x: Shape, values: Mapping[str, Any]) -> Step:
        """An op that moves the values of a grid, or weighs them against each other."""
        draw = self._draw
        match draw.one(("lrn", "pad", "pad", "upsample", "channel_shuffle")):
            case "lrn":
                size = draw.number(values, 1, 6)
                settings = {"size": size, "alpha": draw.real(values, (1e-4, 0.5))}
                settings |= {"beta": draw.real(values, (0.75, 0.5)), "k": draw.one((1.0, 2.0))}
                return Step("lrn", self.written("lrn", settings))
            case "pad":
                amounts = [draw.number(values, 0, 2, written=0.2) for _ in range(4)]
                amount = draw.one((amounts[0], amounts[:2], amounts))
                mode = draw.one(("zeros", "reflect", "replicate"))
                return Step("pad", self.written("pad", {"amount": amount, "mode": mode}))
            case "upsample":
                settings = {"factor": draw.window(values, (1, 2, 2, 3)), "mode": "nearest"}
                if draw.chance(0.5):
                    settings |= {"mode": "bilinear", "align_corners": draw.chance(0.5)}
                return Step("upsample", self.written("upsample", settings))
        groups = draw.one([g for g in range(1, x.channels + 1) if x.channels % g == 0])
        return Step("channel_shuffle", {"groups": groups}, is_bare=draw.chance(0.5))

    def _pool(self, name: str, values: Mapping[str, Any]) -> Step:
        draw = self._draw
        settings = {
            "kernel": draw.window(values, (1, 2, 3, 3, 4)),
            "stride": draw.window(values, (1, 1, 2, 3), odd=0.1),
            "padding": draw.padding(values, alike=True),
            "ceil": draw.flag(values),
        }
        if name == "avg_pool":
            settings["count_include_pad"] = draw.flag(values)
        return Step(name, self.written(name, settings))

    def written(self, op: str, settings: dict[str, Any]) -> dict[str, Any]:
        """The settings without some of those that the defaults say already."""
        defaults = {**DEFAULTS.get(op, {}), **self._defaults.get(op, {})}
        return {
            name: value
            for name, value in settings.items()
            if name not in defaults
            or isinstance(value, Expression)
            or value != defaults[name]
            or type(value) is not type(defaults[name])
            or self._draw.chance(0.3)
        }
