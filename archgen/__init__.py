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


class _Public(ModuleType):
    """The package itself, so that `archgen.emit` is the function also after the subpackage loaded.

    Python binds a subpackage as an attribute of its parent. `archgen.emit` is both, and to those
    who use archgen as a library it is the function (docs/decisions/0004).
    """

    def __getattr__(self, name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "SpecError":
            from archgen.diagnostics import SpecError  # noqa: PLC0415  # loads on first use

            return SpecError
        from archgen import api  # noqa: PLC0415  # likewise

        return getattr(api, name)

    @property
    def emit(self) -> object:
        return self.__getattr__("emit")

    @emit.setter
    def emit(self, package: object) -> None:
        """Takes no notice of the subpackage, which `sys.modules` knows."""


sys.modules[__name__].__class__ = _Public
