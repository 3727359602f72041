"""Reads the messages of an editor one after the other, and answers those that are malformed.

The framing is the Language Server Protocol's base protocol: header lines, an empty line, a JSON body.
What cannot be read is answered with JSON-RPC's error codes (jsonrpc.org, 5.1), and reading goes on at
the next header that is one.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import IO, NamedTuple

from lsprotocol import types as lsp
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.lsp.server import LanguageServer

MAX_MESSAGE = 64 * 1024**2  # bytes of a body: a spec of the largest size fits several times over
MAX_LINE = 64 * 1024  # bytes of a header line
# the body of a malformed message may stand before the next header on the same line
_LENGTH = re.compile(rb"Content-Length:\s*(\S*)\s*\Z", re.IGNORECASE)


class Ended(NamedTuple):
    """How a conversation ended: whether the editor asked for it in the order of the protocol."""

    in_order: bool


def converse(server: LanguageServer, requests: IO[bytes], answers: IO[bytes]) -> Ended:
    """Answers an editor until it says `exit` or is gone; `answers` stays open."""
    server.protocol.set_writer(_Answers(answers))
    return asyncio.run(_conversation(server, requests))


class _Answers:
    """Where pygls writes; it closes what it is given at `exit`, and the process needs its stdout still."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._stream.flush()

    def close(self) -> None:
        """Leaves the stream open."""


async def _conversation(server: LanguageServer, requests: IO[bytes]) -> Ended:
    is_shut_down = False
    while True:
        try:
            body = await asyncio.to_thread(_next_body, requests)
        except JsonRpcException as error:
            _refuse(server, None, error)
            continue
        if body is None:  # an editor that is gone asks for nothing any more
            return Ended(in_order=True)
        method = _take(server, body)
        if method == lsp.EXIT:
            return Ended(in_order=is_shut_down)
        is_shut_down |= method == lsp.SHUTDOWN


def _next_body(requests: IO[bytes]) -> bytes | None:
    """The body of the next message; None at the end. Raises JsonRpcParseError for an unusable header."""
    length: int | None = None
    while line := requests.readline(MAX_LINE):
        if (found := _LENGTH.search(line)) is not None:
            word = found[1].decode("ascii", "replace")
            # a word of more digits than this is a large number in any case, and slow to read
            if not word.isdecimal() or len(word) > 12 or not 0 < int(word) <= MAX_MESSAGE:
                raise JsonRpcParseError(
                    f"`Content-Length: {word[:40]}` is not a length from 1 to {MAX_MESSAGE} bytes"
                )
            length = int(word)
        elif not line.strip() and length is not None:
            return requests.read(length) or None
    return None


def _take(server: LanguageServer, body: bytes) -> str:
    """Has one message answered; returns its method, or nothing where it is none."""
    number, method = None, ""
    try:
        number, method = _envelope(body)
        if method == lsp.EXIT:
            return method
        _demand_served(server, method, is_request=number is not None)
        message = json.loads(body, object_hook=server.protocol.structure_message)
        server.protocol.handle_message(message)
    except JsonRpcException as error:
        if number is not None or not method:  # a notification is not answered
            _refuse(server, number, error)
    except Exception as error:  # noqa: BLE001  # one message that fails does not end the others
        if number is not None:
            _refuse(server, number, JsonRpcInternalError(f"{type(error).__name__}: {error}"))
    return method


def _envelope(body: bytes) -> tuple[object, str]:
    """The `id` and the `method` of a message; an answer to us has no method. Raises JsonRpcException."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise JsonRpcParseError(f"the message is not JSON: {error}") from None
    if not isinstance(raw, dict) or not isinstance(raw.get("method", ""), str):
        raise JsonRpcInvalidRequest("a message is an object with a `method`")
    return raw.get("id"), str(raw.get("method", "-"))


def _demand_served(server: LanguageServer, method: str, *, is_request: bool) -> None:
    """Raises JsonRpcException for what cannot be asked, or not yet."""
    known = server.protocol.fm
    if is_request and method != "-" and method not in {*known.features, *known.builtin_features}:
        raise JsonRpcMethodNotFound(f"there is no method `{method[:40]}`")
    if method != lsp.INITIALIZE and not _is_initialized(server):
        raise JsonRpcServerNotInitialized("`initialize` comes first")


def _is_initialized(server: LanguageServer) -> bool:
    try:
        return server.workspace is not None
    except RuntimeError:
        return False


def _refuse(server: LanguageServer, number: object, error: JsonRpcException) -> None:
    answer = {
        "jsonrpc": "2.0",
        "id": number if isinstance(number, int | str) else None,
        "error": {"code": error.code, "message": str(error.message or error)},
    }
    body = json.dumps(answer).encode()
    writer = server.protocol.writer
    assert writer is not None
    writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
