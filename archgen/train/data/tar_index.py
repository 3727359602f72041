"""Where the members of a plain tar file are: headers one by one, each bounded, nothing unpacked.

`tarfile` reads what headers ask for: a negative size makes it walk in circles, a long name of gigabytes is
read, rows of long names are followed by recursion. Here its parser of one header of 512 bytes is used, and
what a header says is held to the file before it is followed.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

BLOCK = tarfile.BLOCKSIZE
MAX_EXTENSION = 2**20  # bytes of a long name, or of a pax header
MAX_IN_A_ROW = 16  # extensions in front of one member
MAX_DIGITS = 20
MAX_TAIL = 2**20  # bytes after the end that are looked at
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_EXTENSIONS = (b"L", b"K", b"x", b"g", b"X")  # long names, and headers of pax


class TarError(Exception):
    """A file that is not a whole plain tar file, for the reason in the message."""


class TarMember(NamedTuple):
    """A member: its name, its type as a byte, what it links to, and where its bytes are."""

    name: str
    type: bytes
    link: str
    offset: int
    size: int

    @property
    def is_regular(self) -> bool:
        """Whether it has bytes of its own."""
        return self.type in _REGULAR


def tar_members(path: Path) -> Iterator[TarMember]:
    """The members of a tar file in their order. Raises TarError, and OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        place, row, said = 0, 0, dict[str, str]()
        while (header := _header(file, place, size)) is not None:
            extent = _extent(header, said.get("size"), place, size)
            after = place + BLOCK + -(-extent // BLOCK) * BLOCK
            if header.type in _EXTENSIONS:
                row += 1
                if row > MAX_IN_A_ROW:
                    raise TarError(f"at byte {place} more than {MAX_IN_A_ROW} headers are in a row")
                said |= _extension(header.type, _content(file, place, extent))
            else:
                name, link = said.get("path", header.name), said.get("linkpath", header.linkname)
                kind = tarfile.GNUTYPE_SPARSE if "sparse" in said else header.type
                yield TarMember(name, kind, link, place + BLOCK, extent)
                row, said = 0, {}
            place = after


def _header(file: IO[bytes], place: int, size: int) -> tarfile.TarInfo | None:
    """The header at a place; None at the end of the members."""
    file.seek(place)
    block = file.read(BLOCK)
    if len(block) < BLOCK:
        raise TarError(
            f"it is cut or damaged at byte {min(place, size)}: "
            "there is neither a member nor the end of a tar file"
        )
    if not any(block):
        if any(file.read(MAX_TAIL)):
            raise TarError(
                f"there is more after its end at byte {place}: are these several in one?"
            )
        return None
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        raise TarError(f"it is cut or damaged at byte {place}: {error}") from None


def _extent(header: tarfile.TarInfo, said: str | None, place: int, size: int) -> int:
    """How many bytes follow a header, which the file must have."""
    if said is not None and (not said.isdecimal() or len(said) > MAX_DIGITS):
        raise TarError(f"it is damaged at byte {place}: a member has a size that is not a number")
    # links and folders may state a size, and have no bytes
    has_bytes = header.isreg() or header.type not in tarfile.SUPPORTED_TYPES
    has_bytes |= header.type in (*_EXTENSIONS, tarfile.GNUTYPE_SPARSE)
    extent = (header.size if said is None else int(said)) if has_bytes else 0
    if extent < 0 or place + BLOCK + extent > size:
        raise TarError(
            f"it is cut or damaged at byte {place}: a member of {extent} bytes begins there, "
            f"and the file has {size}"
        )
    return extent


def _content(file: IO[bytes], place: int, extent: int) -> bytes:
    if extent > MAX_EXTENSION:
        raise TarError(f"at byte {place} a name or a header takes {extent:,} bytes")
    file.seek(place + BLOCK)
    return file.read(extent)


def _extension(kind: bytes, content: bytes) -> dict[str, str]:
    """What a header says of the member after it: `path`, `linkpath`, `size`, `sparse`."""
    if kind in (b"L", b"K"):
        text = content.rstrip(b"\0").decode("utf-8", "surrogateescape")
        return {"path" if kind == b"L" else "linkpath": text}
    said: dict[str, str] = {}
    place, end = 0, len(content.rstrip(b"\0"))
    while place < end:
        digits = content[place : place + len(str(MAX_EXTENSION)) + 1].partition(b" ")[0]
        start, after = place + len(digits) + 1, place + int(digits) if digits.isdigit() else 0
        key, sign, value = content[start:after].partition(b"=")
        if not sign or not value.endswith(b"\n"):
            raise TarError("a pax header in it is damaged")
        word = key.decode("utf-8", "surrogateescape")
        if word.startswith("GNU.sparse"):
            said["sparse"] = "yes"
        elif word in ("path", "linkpath", "size") and kind != b"g":
            said[word] = value[:-1].decode("utf-8", "surrogateescape")
        place = after
    return said
