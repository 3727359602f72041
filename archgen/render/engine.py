"""Laying out: Graphviz's `dot` on PATH, or the engine that pygraphviz brings, in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

SECONDS = 30
_CHILD = """\
import sys, pygraphviz
for text in sys.stdin.buffer.read().decode().split("\\0"):
    sys.stdout.buffer.write(pygraphviz.AGraph(string=text).draw(format=sys.argv[1], prog="dot"))
"""

# cairo writes when a PDF was made; the same picture is to be the same file, offsets included
_DATE = re.compile(rb"(/CreationDate \(D:)\d{14}")
_NO_DATE = rb"\g<1>20000101000000"


class CannotDraw(Exception):
    """No picture, for the reason in the message."""


def laid_out(text: str, picture_format: str, seconds: float = SECONDS) -> bytes:
    """The picture of a digraph, made within `seconds`. Raises CannotDraw."""
    return laid_out_together([text], picture_format, seconds)


def laid_out_together(texts: Sequence[str], picture_format: str, seconds: float = SECONDS) -> bytes:
    """The pictures of several digraphs, one after the other, made within `seconds`. Raises CannotDraw."""
    command = _command(picture_format)
    between = "\0" if command[0] == sys.executable else "\n"  # `dot` reads on by itself
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0"}
    try:
        done = subprocess.run(  # noqa: S603  # the engine, with our own text
            command,
            input=between.join(texts).encode(),
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"the layout took more than {seconds:g} seconds: draw one block with --block NAME"
        raise CannotDraw(message) from None
    except OSError as error:
        raise CannotDraw(f"`{command[0]}` cannot be started: {error.strerror}") from None
    if done.returncode != 0 or not done.stdout:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise CannotDraw(f"the layout engine failed: {told[-1] if told else 'it said nothing'}")
    return _DATE.sub(_NO_DATE, done.stdout) if picture_format == "pdf" else done.stdout


def _command(picture_format: str) -> list[str]:
    dot = shutil.which("dot")
    if dot is not None:
        return [dot, f"-T{picture_format}"]
    if find_spec("pygraphviz") is not None:
        return [sys.executable, "-c", _CHILD, picture_format]
    raise CannotDraw(
        "no layout engine is installed: `pip install 'archgen[render]'` brings one, "
        "and so does Graphviz itself; -o FILE.dot needs none"
    )
