"""The class of a convolution that carries padding, norm and activation: how an emitted file writes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from archgen.ir.op import Helper, ModuleCall, Tensors
from archgen.ir.shape import Shape
from archgen.ops.attached import Activation
from archgen.ops.norms import NormKind, norm_name

_SOURCE = '''class @NAME({base}):
    """{title}."""

    def __init__(@SIGNATURE) -> None:
        super().__init__(in_channels, out_channels, kernel_size@FORWARDED){layers}

    def forward(self, x: Tensor) -> Tensor:
        return {result}
'''
_OPTIONAL = (
    ("stride", "int | tuple[int, int] = 1"),
    ("padding", "int | tuple[int, int] = 0"),
    ("output_padding", "int = 0"),
    ("dilation", "int | tuple[int, int] = 1"),
    ("groups", "int = 1"),
)


class Carrier(NamedTuple):
    """A convolution of torch, what follows it, and the statement that pads `x` before it."""

    base: str
    name: str
    about: str
    norm: NormKind | None
    act: Activation | None
    surround: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether the convolution carries nothing."""
        return self.norm is None and self.act is None and not self.surround

    def layer(
        self, x: Shape, filters: int, kwargs: list[tuple[str, object]], *, bias: bool
    ) -> ModuleCall:
        """The convolution of `x`: torch's own where it carries nothing, else one of a helper class.

        A class with a norm has no bias unless it is told otherwise.
        """
        if bias != (self.norm is None):
            kwargs.append(("bias", bias))
        arguments = (x.channels, filters)
        if self.is_plain:
            return ModuleCall(self.base, arguments, tuple(kwargs))
        helper = self._helper()
        return ModuleCall(helper.name, arguments, tuple(kwargs), helper)

    def tensors(self, filters: int) -> Tensors:
        """Those of what is carried, by their names in the convolution's state dict."""
        parts = {"norm": self.norm, "act": self.act}
        return {
            f"{part}.{name}": shape
            for part, carried in parts.items()
            if carried is not None
            for name, shape in carried.tensors(filters).items()
        }

    def _helper(self) -> Helper:
        parts = ("Norm" if self.norm else "", self.act.title if self.act else "")
        padded = "Padded" if self.surround else ""
        layers = list(self._layers())
        source = _SOURCE.format(
            base=self.base,
            title=" with ".join(filter(None, (self.about, " and ".join(self._words())))),
            layers="".join(f"\n        self.{name} = {call}" for name, call, _ in layers),
            result=self._result(),
        )
        needs = tuple(helper for _, _, helper in layers if helper is not None)
        bias = ("bias", f"bool = {self.norm is None}")
        name = "".join((self.name, *parts, padded))
        return Helper(name, source, (*_OPTIONAL, bias), needs)

    def _words(self) -> Iterator[str]:
        if self.norm:
            yield f"{norm_name(self.norm)} norm"
        if self.act:
            yield self.act.title

    def _layers(self) -> Iterator[tuple[str, str, Helper | None]]:
        """The layers that the constructor makes: name, call, and the helper class that it is of."""
        if self.norm:
            yield "norm", *_written(self.norm.module("out_channels", on_grid=True))
        if self.act and self.act.is_learned:
            yield "act", *_written(self.act.module("out_channels"))

    def _result(self) -> str:
        result = f"super().forward({self.surround or 'x'})"
        if self.norm:
            result = f"self.norm({result})"
        if self.act and self.act.is_learned:
            return f"self.act({result})"
        return self.act.apply(result, inplace=True) if self.act else result


def _written(module: ModuleCall) -> tuple[str, Helper | None]:
    """A call inside a helper's source; its first arguments are numbers or names there."""
    target = f"@{module.target}" if module.helper else module.target
    given = [*map(str, module.args), *(f"{name}={value!r}" for name, value in module.kwargs)]
    return f"{target}({', '.join(given)})", module.helper
