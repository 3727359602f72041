"""What tests of the compiler share: YAML in, and what the compiler makes of it out."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from torch import nn

from archgen.diagnostics import Diagnostic
from archgen.emit.module import build_class
from archgen.emit.source import ModuleSource, emit
from archgen.ir.shaped import ShapedNetwork
from archgen.pipeline import Compilation, check
from archgen.spec.files import SpecText, read_spec

ROOT = Path(__file__).parents[1]
SPECS = ROOT / "specs"
NETWORKS = sorted(path.stem for path in SPECS.glob("*.yaml"))


def compiled(yaml: str, *, as_printed: bool = False) -> Compilation:
    """The whole front end over one text, named `spec.yaml`."""
    return check(SpecText("spec.yaml", dedent(yaml)), as_printed=as_printed)


def findings(yaml: str) -> tuple[Diagnostic, ...]:
    """What is wrong with one text."""
    return compiled(yaml).diagnostics


def calls(work: Callable[[], object]) -> int:
    """How many functions `work` calls: its cost, which no load of the machine moves."""
    profile = cProfile.Profile()
    profile.runcall(work)
    return int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]


def codes(yaml: str) -> list[str]:
    """The codes of what is wrong with one text, in the order of the text."""
    return [finding.rule.code for finding in findings(yaml)]


def network_of(yaml: str) -> ShapedNetwork:
    """The network of a text that must be sound."""
    return compiled(yaml).sound_network()


def shipped(name: str) -> Compilation:
    """A spec of this project."""
    return check(read_spec(SPECS / f"{name}.yaml"))


def source_of(compilation: Compilation, name: str = "spec.yaml") -> ModuleSource:
    """The emitted module of a sound compilation."""
    return emit(compilation.sound_network(), compilation.sources, name)


def live(yaml: str, **arguments: object) -> nn.Module:
    """An instance of the emitted class."""
    return build_class(source_of(compiled(yaml)))(**arguments)
