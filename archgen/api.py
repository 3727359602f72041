"""The library's public functions: check a spec, load it, emit its module, build it live."""

from __future__ import annotations

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from archgen import pipeline
from archgen.catalog import find, project_name
from archgen.diagnostics import Diagnostic, Findings, Position, Span, SpecError
from archgen.infer import infer
from archgen.overrides import Override, apply_overrides
from archgen.pipeline import Compilation
from archgen.spec.document import parse
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
    spec says. Raises SpecError, also for params that the spec does not take, and ImportError where
    PyTorch is not installed.
    """
    from archgen.emit.module import build_class  # noqa: PLC0415  # torch loads for `build` alone

    compilation = spec if isinstance(spec, Compilation) else load(spec)
    if params:
        _check_params(compilation, params)
    return build_class(_module_source(compilation))(**params)


def _check_params(compilation: Compilation, params: Mapping[str, object]) -> None:
    """Raises SpecError where the network has no such params, or none of these values.

    The values are read as those of `--set` are: as YAML, each in a source that findings point into.
    """
    findings, network = Findings(), compilation.sound_network().network
    overrides, sources = list[Override](), dict(compilation.sources)
    for name, value in params.items():
        text = json.dumps(value, default=lambda other: getattr(other, "tolist", other.__repr__)())
        source = f"build({name}=...)"
        sources[source] = f"{name}={text}"
        node = parse(" " * (len(name) + 1) + text, source, findings)
        span = Span(source, Position(1, 1), Position(1, len(name) + 1))
        if node is not None:
            overrides.append(Override(name, node, span))
    network, arguments = apply_overrides(network, tuple(overrides), findings)
    if not findings.has_errors:
        infer(network, findings, arguments)
    if findings.has_errors:
        raise SpecError(findings.diagnostics, sources)


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
