"""What of what archgen can use is installed, found without importing anything heavy here.

Torch is asked in a process of its own: one that crashes or hangs where it is loaded is a line, too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

OLDEST = (3, 11)
PATIENCE = 120.0  # seconds for torch, which takes long where nothing of it is in memory yet
FONT = "Helvetica"
# the other extras of pyproject.toml: what each brings, and what it does
EXTRAS = (
    ("fast", ("simplejpeg",), "decodes JPEG sooner"),
    ("tensorboard", ("tensorboard",), "writes event files: `archgen train --tensorboard`"),
    ("export", ("onnx", "onnxruntime", "onnxscript"), "writes ONNX files: `archgen export`"),
    ("keras", ("h5py",), "reads files of Keras: `archgen weights`"),
    ("editor", ("pygls",), "speaks to editors: `archgen lsp`"),
)
_PROBE = """\
import torch
cuda = torch.cuda.is_available()
mps = torch.backends.mps.is_available()
names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())] if cuda else []
print(", ".join(names) if names else "mps" if mps else "cpu only")
"""


class Part(NamedTuple):
    """One thing that archgen can use: for which feature, what of it was found, and how to get it."""

    feature: str
    name: str
    is_there: bool
    found: str
    help: str = ""


def parts() -> Iterator[Part]:
    """Everything, what core needs first."""
    yield _python()
    for name in ("click", "pydantic", "pyyaml"):
        yield _package("core", name, name, "pip install archgen")
    yield _libyaml()
    for name in ("graphviz", "networkx"):
        yield _package("render", name, name, "pip install 'archgen[render]'")
    yield _layout()
    yield _fonts()
    yield _package("train", "torch", "torch", "pip install 'archgen[train]'")
    if find_spec("torch") is not None:
        yield _device()
    for name in ("numpy", "pillow", "safetensors", "rich"):
        yield _package("train", name, name, "pip install 'archgen[train]'")
    for extra, names, purpose in EXTRAS:
        for name in names:
            yield _package(extra, name, name, f"pip install 'archgen[{extra}]' {purpose}")
    yield _git()


def _python() -> Part:
    text = ".".join(map(str, sys.version_info[:3]))
    is_new = sys.version_info[:2] >= OLDEST
    return Part("core", "python", is_new, text, "" if is_new else "archgen needs 3.11 or newer")


def _package(feature: str, name: str, distribution: str, help: str) -> Part:
    try:
        return Part(feature, name, True, version(distribution))
    except PackageNotFoundError:
        return Part(feature, name, False, "not installed", help)


def _libyaml() -> Part:
    """The C parser; PyYAML does without, slower."""
    try:
        import yaml
    except ImportError:
        return Part("core", "libyaml", False, "not installed", "pip install pyyaml")
    if yaml.__with_libyaml__:
        return Part("core", "libyaml", True, "used by PyYAML")
    help = "specs are read several times slower; install a wheel of PyYAML"
    return Part("fast", "libyaml", False, "not used by PyYAML", help)


def _layout() -> Part:
    dot = shutil.which("dot")
    if dot is not None:
        return Part(
            "render", "layout engine", True, f"{dot} ({_said([dot, '-V']) or 'no version'})"
        )
    package = _package("render", "layout engine", "pygraphviz", "")
    if package.is_there:
        return package._replace(found=f"in pygraphviz {package.found}")
    help = "pip install 'archgen[render]', or install Graphviz; -o FILE.dot and FILE.mmd need none"
    return Part("render", "layout engine", False, "neither `dot` nor pygraphviz", help)


def _fonts() -> Part:
    """What text is measured with: a picture looks right only where the viewer has a font as wide."""
    match = shutil.which("fc-match")
    if match is None:
        return Part("fonts", "fonts", True, "not known: there is no fc-match")
    found = _said([match, "-f", "%{family}", FONT])
    if found:
        return Part("fonts", "fonts", True, f"{found} for {FONT}")
    help = "install a font, for instance Liberation Sans or DejaVu Sans"
    return Part("fonts", "fonts", False, "none", help)


def _device() -> Part:
    found = _said([sys.executable, "-P", "-c", _PROBE])
    if found:
        return Part("train", "device", True, found)
    return Part(
        "train", "device", False, "torch cannot be loaded", "python -c 'import torch' says why"
    )


def _git() -> Part:
    path = shutil.which("git")
    said = _said([path, "--version"]) if path is not None else ""
    if said:
        return Part("git", "git", True, said.removeprefix("git version "))
    return Part("git", "git", False, "not installed", "`archgen diff REV:path` needs it")


def _said(command: Sequence[str]) -> str:
    """The first line that a program prints; empty where it fails or takes too long."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(  # noqa: S603  # programs found above, without any words of a user
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            env=environment,
            cwd=Path(sys.prefix),  # not where a file named torch.py may lie
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).decode("utf-8", "replace").strip().splitlines()
    return lines[0] if lines and done.returncode == 0 else ""
