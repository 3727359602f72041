"""No network while a module is made and run: an import downloads nothing.

Code that asks for a download gets an error in the place where it would connect, and what it asked for
is kept, so that it can be named whatever that code makes of the error.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeAlias
from unittest.mock import patch

Address: TypeAlias = "tuple[object, ...] | str | bytes"

HELP = (
    "make the module without trained weights (`weights=None`, `pretrained=False`), or download them "
    "first: what is in a cache is read"
)


class DownloadRefused(RuntimeError):
    """Code asked for a connection; no OSError, which libraries answer by trying again."""


@contextmanager
def offline() -> Iterator[list[str]]:
    """Refuses connections to other machines, and gives the names of those that were asked for."""
    asked: list[str] = []
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def refuse(host: object) -> NoReturn:
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
        asked.append(name)
        raise DownloadRefused(f"a download from {name} was refused: an import downloads nothing")

    def look_up(host: object, *_args: object, **_kwargs: object) -> NoReturn:
        refuse(host)

    # an address that is a text is a socket of this machine
    def connected(self: socket.socket, address: Address) -> None:
        return refuse(address[0]) if isinstance(address, tuple) else connect(self, address)

    def connected_ex(self: socket.socket, address: Address) -> int:
        return refuse(address[0]) if isinstance(address, tuple) else connect_ex(self, address)

    with (
        patch.multiple(socket, getaddrinfo=look_up, gethostbyname=look_up),
        patch.multiple(socket.socket, connect=connected, connect_ex=connected_ex),
    ):
        yield asked
