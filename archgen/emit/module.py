"""The live module: the emitted source, executed at this one place and known to tracebacks."""

from __future__ import annotations

import linecache
import sys
from types import ModuleType

from torch import nn

from archgen.emit.source import ModuleSource


def load_module(source: ModuleSource) -> ModuleType:
    """The emitted text as a module; its lines appear in tracebacks."""
    name = f"archgen.emitted.{source.name}"
    filename = f"<{name}>"
    module = ModuleType(name)
    module.__file__ = filename
    linecache.cache[filename] = (
        len(source.text),
        None,
        source.text.splitlines(keepends=True),
        filename,
    )
    sys.modules[name] = module
    exec(compile(source.text, filename, "exec"), module.__dict__)  # noqa: S102  # the one exec: our own text
    return module


def build_class(source: ModuleSource) -> type[nn.Module]:
    """The network's class; called without arguments it makes the network as its spec describes it."""
    made = getattr(load_module(source), source.class_name)
    assert isinstance(made, type)
    assert issubclass(made, nn.Module)
    return made
