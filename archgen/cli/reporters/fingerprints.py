"""What tells a finding from others over many versions of a file: no line and no column is part of it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from archgen.cli.reporters.user_text import split_lines
from archgen.diagnostics import Diagnostic


def fingerprints(diagnostics: Sequence[Diagnostic], sources: Mapping[str, str]) -> Iterator[str]:
    """For each finding a number: of its code, file and the words of its line, and which of such it is."""
    seen: Counter[tuple[str, ...]] = Counter()
    for diagnostic in diagnostics:
        span = diagnostic.span
        lines = split_lines(sources.get(span.source, ""))
        words = lines[span.start.line - 1] if span.start.line <= len(lines) else ""
        key = (diagnostic.rule.code, project_path(span.source), " ".join(words.split()))
        seen[key] += 1
        text = "\0".join((*key, str(seen[key])))
        yield hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def project_path(source: str) -> str:
    """The path of a source as from the working folder, with `/` between its parts."""
    path = Path(source)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return PurePath(os.path.normpath(path)).as_posix()
