"""One spec named on the command line, compiled as far as it goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from archgen import pipeline
from archgen.cli.locate import read_target
from archgen.diagnostics import Diagnostic, Findings
from archgen.infer import infer
from archgen.ir.shape import Shape
from archgen.ir.shaped import ShapedNetwork
from archgen.pipeline import Compilation
from archgen.resolve import resolve
from archgen.rules import INPUT_TOO_SMALL
from archgen.spec.edited import Edited
from archgen.spec.files import SpecText
from archgen.spec.loader import load


class Compiled(NamedTuple):
    """A network with its shapes, what was found in it, and the texts that the findings point into.

    `smallest` is the side of the smallest input that would do, where this one is too small; `edits`
    are those that made the spec of others which it extends.
    """

    network: ShapedNetwork
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    smallest: int | None
    edits: tuple[Edited, ...] = ()


def compile_network(target: str, size: Shape | None = None) -> Compiled:
    """The network that `target` names, broken parts and all.

    With another input `size` its shapes are inferred for that; what the spec expects of its own
    input is then left aside. Raises SpecError where there is no network to speak of.
    """
    text = read_target(target)
    compilation = pipeline.check(text) if size is None else _at_size(text, size)
    network = compilation.network or compilation.sound_network()
    smallest = _smallest(compilation)
    diagnostics = _noted(compilation.diagnostics, smallest)
    edits = compilation.file.edits if compilation.file is not None else ()
    return Compiled(network, diagnostics, compilation.sources, smallest, edits)


def checked(text: SpecText, *, as_printed: bool = False) -> Compilation:
    """The compilation of a spec; where its input is too small, it says which would do."""
    compilation = pipeline.check(text, as_printed=as_printed)
    diagnostics = _noted(compilation.diagnostics, _smallest(compilation))
    return compilation._replace(diagnostics=diagnostics)


def _smallest(compilation: Compilation) -> int | None:
    is_too_small = any(d.rule is INPUT_TOO_SMALL for d in compilation.diagnostics)
    if compilation.network is None or not is_too_small:
        return None
    from archgen.legal_sizes import smallest_input

    return smallest_input(compilation.network.network)


def _noted(diagnostics: tuple[Diagnostic, ...], smallest: int | None) -> tuple[Diagnostic, ...]:
    if smallest is None:
        return diagnostics
    note = f"the smallest input that this network takes is {smallest}x{smallest}"
    return tuple(d.with_notes(note) if d.rule is INPUT_TOO_SMALL else d for d in diagnostics)


def _at_size(text: SpecText, size: Shape) -> Compilation:
    findings = Findings()
    file = load(text, findings)
    resolved = resolve(file, findings) if file is not None else None
    network = None
    if resolved is not None and resolved.network is not None:
        network = infer(resolved.network._replace(input=size), findings)
    sources = file.sources() if file is not None else {text.source: text.text}
    return Compilation(file, resolved, network, tuple(findings.diagnostics), sources)
