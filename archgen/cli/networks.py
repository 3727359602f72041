"""One spec named on the command line, compiled as far as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.locate import read_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from archgen.diagnostics import Diagnostic
    from archgen.ir.graph import NetworkGraph
    from archgen.ir.shape import Shape
    from archgen.ir.shaped import ShapedNetwork


class Compiled(NamedTuple):
    """A network with its shapes, what was found in it, and the texts that the findings point into."""

    network: ShapedNetwork
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]


def compile_network(target: str, size: Shape | None = None) -> Compiled:
    """The network that `target` names, broken parts and all.

    With another input `size` its shapes are inferred for that, and what the spec expects of its own
    input is left aside. Raises SpecError where there is no network to speak of.
    """
    from archgen import pipeline
    from archgen.api import require_network
    from archgen.diagnostics import SpecError

    text = read_target(target)
    if size is not None:
        return _at_size(text, size)
    compilation = pipeline.check(text)
    require_network(compilation)
    if compilation.network is None:
        raise SpecError(compilation.diagnostics, dict(compilation.sources))
    return Compiled(compilation.network, compilation.diagnostics, compilation.sources)


