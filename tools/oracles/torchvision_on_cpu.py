"""Lets torchvision import beside a build of torch that its compiled operators do not fit.

Where its library cannot load, torchvision still describes the operators (`nms` and others) that the
library would have defined, and fails. This declares them first, by name; calling one still raises.
"""

import functools
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path

DESCRIBED = re.compile(r"register_(?:meta|fake)\(.(?:torchvision::)?(\w+).\)")


@functools.cache
def declare_operators(torchvision: Path) -> object:
    """The declared operators, which live as long as it is kept; None where the real ones load."""
    import torch  # late: every start of Python in that environment reads this module

    try:
        return torch.ops.load_library(torchvision / "_C.so")
    except OSError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in DESCRIBED.findall((torchvision / "_meta_registrations.py").read_text()):
            library.define(f"{name}(Tensor tensor) -> Tensor")
        return library


class BeforeTorchvision:
    """Is asked first whenever a module is looked for, and never finds one."""

    def find_spec(self, name: str, *_: object) -> None:
        """Declares the operators where `name` is torchvision."""
        if name == "torchvision" and (spec := PathFinder.find_spec(name)) and spec.origin:
            declare_operators(Path(spec.origin).parent)


sys.meta_path.insert(0, BeforeTorchvision())
