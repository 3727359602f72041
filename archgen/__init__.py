"""archgen: networks as YAML, proved, emitted as plain PyTorch, and trained.

    import archgen

    archgen.check("specs/inception_v4.yaml")    # what is wrong with it: a list of diagnostics
    spec = archgen.load("inception_v4")         # the checked network, or SpecError
    text = archgen.emit(spec)                   # one standalone PyTorch module
    net = archgen.build(spec, num_classes=10)   # an instance of that module's class

Importing archgen loads nothing; a name loads what it needs on first use, and only `build` torch.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archgen.api import build as build
    from archgen.api import check as check
    from archgen.api import emit as emit
    from archgen.api import load as load
    from archgen.diagnostics import SpecError as SpecError

__version__ = "0.1.0"

__all__ = ["SpecError", "__version__", "build", "check", "emit", "load"]


_HOMES = {
    "SpecError": "archgen.diagnostics",
    "build": "archgen.api",
    "check": "archgen.api",
    "emit": "archgen.api",
    "load": "archgen.api",
}


def _load(name: str) -> object:
    """The public name, its module imported on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


if not TYPE_CHECKING:  # to a type checker, any name would be there
    __getattr__ = _load


class _Package(ModuleType):
    """This package, which has a function and a subpackage called `emit`: as an attribute it is the function.

    Importing the subpackage would bind it here; docs/decisions/0004 says why both have the name.
    """

    @property
    def emit(self) -> object:
        return _load("emit")

    @emit.setter
    def emit(self, subpackage: ModuleType) -> None:
        """Passes over what the import system binds; `sys.modules` knows the subpackage."""


sys.modules[__name__].__class__ = _Package
