"""The library's public functions: check a spec, load it, emit its module, build it live."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from archgen import pipeline
from archgen.catalog import find, project_name
from archgen.diagnostics import Diagnostic, SpecError
from archgen.pipeline import Compilation
from archgen.spec.files import SpecText, read_spec

if TYPE_CHECKING:
    from torch import nn

    from archgen.emit import ModuleSource

Named: TypeAlias = "str | PathLike[str]"


def check(spec: Named) -> list[Diagnostic]:
    """Everything found in a spec, errors and warnings, in the order of the text.

    `spec` is a path, the name of a spec that comes with archgen, or the text of a spec itself
    (several lines). A file that cannot be read is a finding too.
    """
    try:
        is_text = isinstance(spec, str) and "\n" in spec
        text = SpecText("<text>", str(spec)) if is_text else _read(spec)
    except SpecError as error:
        return list(error.diagnostics)
    return list(pipeline.check(text).diagnostics)


def load(spec: Named) -> Compilation:
    """The network of a spec, proved sound. Raises SpecError with every finding where it is not."""
    compilation = pipeline.check(_read(spec))
    compilation.sound_network()
    return compilation


def emit(spec: Named | Compilation) -> str:
    """The standalone PyTorch module of a network, as source text. Raises SpecError."""
    return _module_source(spec).text


def build(spec: Named | Compilation, **params: object) -> nn.Module:
    """The network, live: an instance of the class in the emitted module.

    `params` are the params of the spec, as in `num_classes=10`; without them the network is as the
    spec says. Raises SpecError, and ImportError where PyTorch is not installed.
    """
    from archgen.emit.module import build_class  # noqa: PLC0415  # torch loads for `build` alone

    return build_class(_module_source(spec))(**params)


def spec_name(text: SpecText) -> str:
    """How an emitted module calls its spec."""
    return text.source if text.path is None else project_name(text.path)


def _read(spec: Named) -> SpecText:
    return read_spec(find(spec) if isinstance(spec, str) else Path(spec))


def _module_source(spec: Named | Compilation) -> ModuleSource:
    from archgen.emit import emit as source_of  # noqa: PLC0415  # a check loads no emitter

    compilation = spec if isinstance(spec, Compilation) else load(spec)
    network = compilation.sound_network()
    assert compilation.file is not None
    return source_of(network, compilation.sources, spec_name(compilation.file.text))
