"""The fields of a protocol buffers message, without its schema: numbers, and stretches of bytes."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.weights.checkpoint import Unreadable

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_VARINT = 10  # bytes of a number of 64 bits


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """The number that begins at `place`, seven bits a byte, and the place behind it."""
    value = 0
    for count, byte in enumerate(data[place : place + MAX_VARINT]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place + count + 1
    raise Unreadable("it is cut off or damaged: a number in it does not end")


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field of a message: its number in the schema, and its value."""
    place = 0
    while place < len(data):
        tag, place = varint(data, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = varint(data, place)
            yield number, value
            continue
        length = {FIXED64: 8, FIXED32: 4}.get(kind)
        if kind == BYTES:
            length, place = varint(data, place)
        if length is None or place + length > len(data):
            raise Unreadable("it is cut off or damaged: a field in it is no field")
        yield number, data[place : place + length]
        place += length


def numbers(data: memoryview) -> dict[int, int]:
    """The whole numbers of a message by field, the last of each."""
    return {number: value for number, value in fields(data) if isinstance(value, int)}


def parts(data: memoryview, wanted: int) -> Iterator[memoryview]:
    """Every field of one number that is bytes, text or a message."""
    for number, value in fields(data):
        if number == wanted and isinstance(value, memoryview):
            yield value
