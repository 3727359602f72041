"""Which files are images: by suffix, or by how they begin; and a count of those that are passed over."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath

SNIFFED = 32  # bytes of a file without a known suffix
SUFFIXES = frozenset(
    (
        *(".apng", ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jif", ".jpe", ".jpeg", ".jpg"),
        *(".j2c", ".j2k", ".jp2", ".jpc", ".jpf", ".jpx", ".pbm", ".pgm", ".pjp", ".pjpeg"),
        *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    )
)
# formats of images that are not decoded: such a file is a bad image, and not some other file
OTHER_IMAGES = frozenset(
    (
        *(".arw", ".cr2", ".cr3", ".dng", ".eps", ".exr", ".hdr", ".heic", ".heif", ".ico"),
        *(".jxl", ".nef", ".orf", ".pcx", ".psd", ".raf", ".raw", ".rw2", ".sgi", ".svg", ".tga"),
    )
)
# of which no beginning is looked at: annotations lie beside millions of images
_TEXTS = frozenset(
    (
        *(".csv", ".db", ".gz", ".htm", ".html", ".ini", ".json", ".jsonl", ".log", ".md", ".npy"),
        *(".npz", ".pdf", ".pkl", ".py", ".tar", ".tgz", ".tsv", ".txt", ".xml", ".xmp", ".yaml"),
        *(".yml", ".zip"),
    )
)
_BACKUPS = frozenset((".bak", ".crdownload", ".orig", ".part", ".tmp"))
_BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM....\0\0\0\0|RIFF....WEBP|II\*\0|MM\0\*|P[1-6]\s"
    rb"|\0\0\0\x0cjP  \r\n|\xff\x4f\xff\x51|....ftyp(avif|avis|heic|heix|mif1)",
    re.DOTALL,
)


def why_passed_over(name: str, head: Callable[[], bytes]) -> str:
    """Why a file is not taken for an image, as one word or two; nothing where it is.

    `head` gives how the file begins, and is asked where the name says nothing.
    """
    path = PurePath(name)
    suffix = path.suffix.lower()
    if any(part.startswith(".") and part not in (".", "..") for part in path.parts):
        return "hidden"
    if "__MACOSX" in path.parts:
        return "of macOS"
    if suffix in SUFFIXES or suffix in OTHER_IMAGES:
        return ""
    if suffix in _BACKUPS or name.endswith(("~", "_original")):
        return "backup"
    if suffix not in _TEXTS and _BEGINNINGS.match(head()):
        return ""
    return f"`{suffix}`" if 1 < len(suffix) <= 12 else "other"


@dataclass(slots=True)
class PassedOver:
    """Files that are not among the images: how many for each reason, and the first of each."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, place: str, reason: str) -> None:
        """Counts one more."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.first.setdefault(reason, place)

    @property
    def total(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def described(self) -> str:
        """`6 .txt (such as b/1.txt), 1 hidden (.DS_Store)`."""
        return ", ".join(
            f"{count:,} {reason} ({'such as ' if count > 1 else ''}`{self.first[reason]}`)"
            for reason, count in sorted(self.counts.items(), key=lambda item: -item[1])
        )

    def line(self, place: str) -> str:
        """What was passed over below a folder or in a tar file, on one line."""
        files = "file is" if self.total == 1 else "files are"
        return f"{self.total:,} {files} not among the images of `{place}`: {self.described()}"
