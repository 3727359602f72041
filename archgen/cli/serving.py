"""A server of one page, for this machine alone: the page, and a stream that says when there is a new one.

It answers on 127.0.0.1 only, and only to a browser that has asked for that very host: a name of somebody
else's that leads here (DNS rebinding) is refused. Nothing that a request says reaches a file.
"""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import ClassVar, NamedTuple

HOST = "127.0.0.1"
MAX_STREAMS = 32  # windows that watch at a time
SECONDS = 30  # for a request to arrive
HEARTBEAT = 5  # seconds after which a silent stream shows that it is alive
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Edition(NamedTuple):
    """What is on the page now; `version` differs where the page does."""

    version: str
    page: bytes


class PageServer(ThreadingHTTPServer):
    """Serves the newest edition. Raises OSError where the port is taken."""

    daemon_threads = True

    def __init__(self, port: int, edition: Edition) -> None:
        self._edition = edition
        self._news = Condition()
        self.streams = 0
        super().__init__((HOST, port), _Handler)

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser of this machine calls this server."""
        return frozenset(f"{name}:{self.server_port}" for name in (HOST, "localhost"))

    @property
    def edition(self) -> Edition:
        """The newest one."""
        with self._news:
            return self._edition

    def publish(self, edition: Edition) -> None:
        """Puts a page in the place of the one before, and tells whoever watches."""
        with self._news:
            self._edition = edition
            self._news.notify_all()

    def newer_than(self, version: str, seconds: float) -> str:
        """The version of an edition other than `version`, waited for; after `seconds` the same."""
        with self._news:
            self._news.wait_for(lambda: self._edition.version != version, seconds)
            return self._edition.version

    def start(self) -> None:
        """Serves from now on, in a thread that does not keep the process alive."""
        Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        """A window that was closed in the middle of an answer is no news."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: PageServer
    server_version = "archgen"
    sys_version = ""
    timeout: ClassVar[int] = SECONDS

    def do_GET(self) -> None:
        """The page, the stream, or a refusal."""
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
        elif self.path == "/":
            page = self.server.edition.page
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", len(page))
            self.wfile.write(page)
        elif self.path == "/events":
            self._stream()
        else:
            self._refuse(HTTPStatus.NOT_FOUND)

    def _stream(self) -> None:
        if self.server.streams >= MAX_STREAMS:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self.server.streams += 1
        try:
            self._answer(HTTPStatus.OK, "text/event-stream")
            version = ""
            while True:
                newest = self.server.newer_than(version, HEARTBEAT)
                message = ":\n\n" if newest == version else f"event: edition\ndata: {newest}\n\n"
                version = newest
                self.wfile.write(message.encode())
        finally:
            self.server.streams -= 1

    def _answer(self, status: HTTPStatus, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _refuse(self, status: HTTPStatus) -> None:
        text = f"{status} {status.phrase}\n".encode()
        self._answer(status, "text/plain; charset=utf-8", len(text))
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Nobody asked for a log."""

    def finish(self) -> None:
        """A window may be gone before the answer is."""
        with suppress(OSError):
            super().finish()
