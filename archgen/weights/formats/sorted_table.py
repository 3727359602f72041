"""The sorted table of LevelDB, in which TensorFlow keeps its checkpoints: keys and values in blocks.

A file is blocks, then a footer of 48 bytes: where the index block is, and eight bytes by which a table is
known. Keys share their beginnings with the key before. The format is described in LevelDB's
doc/table_format.md.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from archgen.weights.checkpoint import TABLE_MAGIC, Unreadable
from archgen.weights.formats.protobuf import varint

FOOTER = 48
TRAILER = 5  # bytes behind a block: how it is compressed, and a checksum
WORD = 4


def mapped(path: Path) -> memoryview:
    """The bytes of a file, read when they are looked at."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def rows(table: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Every key with its value, in the order of the keys."""
    if len(table) < FOOTER or bytes(table[-len(TABLE_MAGIC) :]) != TABLE_MAGIC:
        raise Unreadable("it is cut off: a table of TensorFlow ends otherwise")
    footer = table[-FOOTER:]
    _, place = _handle(footer, 0)
    index, _ = _handle(footer, place)
    for _, value in _rows(_block(table, index)):
        handle, _ = _handle(value, 0)
        yield from _rows(_block(table, handle))


def _handle(data: memoryview, place: int) -> tuple[tuple[int, int], int]:
    """Where a block begins and how long it is, and the place behind that."""
    start, place = varint(data, place)
    length, place = varint(data, place)
    return (start, length), place


def _block(table: memoryview, handle: tuple[int, int]) -> memoryview:
    """The rows of a block, without the list of restarts at its end."""
    start, length = handle
    end = start + length
    if end + TRAILER > len(table) or length < WORD:
        raise Unreadable("it is cut off or damaged: a block lies outside of it")
    if table[end] != 0:
        raise Unreadable("its blocks are compressed, which TensorFlow does not do")
    restarts = int.from_bytes(table[end - WORD : end], "little")
    if WORD * (restarts + 1) > length:
        raise Unreadable("it is damaged: a block has more restarts than room")
    return table[start : end - WORD * (restarts + 1)]


def _rows(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    place, key = 0, b""
    while place < len(block):
        shared, place = varint(block, place)
        own, place = varint(block, place)
        length, place = varint(block, place)
        if place + own + length > len(block) or shared > len(key):
            raise Unreadable("it is damaged: a row ends outside of its block")
        key = key[:shared] + bytes(block[place : place + own])
        place += own
        yield key, block[place : place + length]
        place += length
