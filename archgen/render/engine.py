"""Laying out: Graphviz's `dot` on PATH, or the engine that pygraphviz brings, in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from archgen.endings import how_it_ended

SECONDS = 30
MAX_SHOWN = 40  # bytes of an answer that is none
# pygraphviz puts a text that it reads into a temporary file, which may be refused
_CHILD = """\
import os, sys, tempfile, pygraphviz
try:
    for text in sys.stdin.buffer.read().decode().split("\\0"):
        sys.stdout.buffer.write(pygraphviz.AGraph(string=text).draw(format=sys.argv[1], prog="dot"))
except OSError as error:
    reason = os.strerror(error.errno or 0).lower()
    sys.exit(f"a temporary file in {tempfile.gettempdir()} cannot be written: {reason}")
"""

# cairo writes when a PDF was made; the same picture is to be the same file, offsets included
_DATE = re.compile(rb"(/CreationDate \(D:)\d{14}")
_NO_DATE = rb"\g<1>20000101000000"

# how a whole answer begins, and how it ends before the last white space
_ENDS = {
    "svg": ((b"<?xml", b"<svg"), b"</svg>"),
    "png": ((b"\x89PNG\r\n\x1a\n",), b"IEND\xaeB`\x82"),
    "pdf": ((b"%PDF-",), b"%%EOF"),
    "json": ((b"{",), b"}"),
}


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
    _demand_whole(done, picture_format)
    return _DATE.sub(_NO_DATE, done.stdout) if picture_format == "pdf" else done.stdout


def _demand_whole(done: subprocess.CompletedProcess[bytes], picture_format: str) -> None:
    """Refuses what is no whole file of that format. Raises CannotDraw."""
    program = "pygraphviz" if done.args[0] == sys.executable else done.args[0]
    told = done.stderr.decode(errors="replace").strip().splitlines()
    told = [line for line in told if line and not line.startswith("Fontconfig warning")]
    said = told[-1] if told else "it said nothing"
    if done.returncode != 0:
        how = how_it_ended(done.returncode)
        raise CannotDraw(f"the layout engine failed: `{program}` {how}: {said}")
    if not done.stdout:
        raise CannotDraw(f"the layout engine failed: `{program}` wrote no {picture_format}: {said}")
    if not _is_whole(done.stdout, picture_format):
        begin = done.stdout[:MAX_SHOWN].decode(errors="replace").split("\n")[0]
        raise CannotDraw(
            f"the layout engine failed: what `{program}` wrote is no whole {picture_format} file; "
            f"it begins with `{begin}`"
        )


def _is_whole(answer: bytes, picture_format: str) -> bool:
    """Whether an answer begins and ends as the files of a format do."""
    begins, end = _ENDS[picture_format]
    is_there = picture_format != "svg" or b"<svg" in answer
    return is_there and answer.startswith(begins) and answer.rstrip().endswith(end)


def _command(picture_format: str) -> list[str]:
    dot = shutil.which("dot")
    if dot is not None:
        return [dot, f"-T{picture_format}"]
    if find_spec("pygraphviz") is not None:
        # -P: a `pygraphviz.py` in the current folder is somebody else's program
        return [sys.executable, "-P", "-c", _CHILD, picture_format]
    raise CannotDraw(
        "no layout engine is installed: `pip install 'archgen[render]'` brings one, "
        "and so does Graphviz itself; -o FILE.dot needs none"
    )
