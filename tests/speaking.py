"""A client of the Language Server Protocol over stdio, as small as it can be: what an editor would send."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import Any, Self

PATIENCE = 60.0
_END = "$/ended"


class Client:
    """A conversation with one server; what the server asks is answered with nothing."""

    def __init__(self, command: Sequence[str], *, cwd: Path | None = None) -> None:
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._arrived: Queue[dict[str, Any]] = Queue()
        self._notices: deque[dict[str, Any]] = deque()
        self._last = 0
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None and kind is not None:
                self._process.kill()
        if kind is None:
            self.ask("shutdown", None)
            self.tell("exit", None)
        self._process.wait(PATIENCE)
        self._thread.join(PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def begin(self, root: Path, **options: object) -> dict[str, Any]:
        """Makes the server's acquaintance; returns what it can do."""
        answer = self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": "root"}],
                "capabilities": CAPABILITIES,
                **options,
            },
        )
        self.tell("initialized", {})
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, text: str, version: int = 1) -> None:
        """Opens a document; the file itself need not be there."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": version, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})

    def change(self, path: Path, text: str, version: int) -> None:
        """Sends a new text of a whole document."""
        document = {"uri": path.as_uri(), "version": version}
        self.tell(
            "textDocument/didChange", {"textDocument": document, "contentChanges": [{"text": text}]}
        )

    def at(self, method: str, path: Path, line: int, character: int) -> Any:  # noqa: ANN401  # any JSON
        """Asks about one place, counted from 0 in UTF-16 units."""
        where = {
            "textDocument": {"uri": path.as_uri()},
            "position": {"line": line, "character": character},
        }
        return self.ask(f"textDocument/{method}", where)["result"]

    def tell(self, method: str, params: object) -> None:
        """Sends a notification."""
        self._send({"method": method, "params": params})

    def ask(self, method: str, params: object) -> dict[str, Any]:
        """Sends a request and waits for its answer."""
        self._last += 1
        number = self._last
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                return message
            self._notices.append(message)

    def findings(self, path: Path | str, version: int | None = None) -> list[dict[str, Any]]:
        """The next diagnostics that are published for a document, of this very version if one is named."""
        while True:
            message = self._notices.popleft() if self._notices else self._next()
            params = message.get("params")
            if message.get("method") != "textDocument/publishDiagnostics" or params is None:
                continue
            if params["uri"] == (path if isinstance(path, str) else path.as_uri()) and version in (
                None,
                params.get("version"),
            ):
                found: list[dict[str, Any]] = params["diagnostics"]
                return found

    def _send(self, message: dict[str, object]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        """The next message that is no request of the server."""
        while True:
            try:
                message = self._arrived.get(timeout=PATIENCE)
            except Empty:
                raise AssertionError("the server is silent") from None
            assert message.get("method") != _END, "the server has ended"
            if "method" not in message or "id" not in message:
                return message
            is_list = message["method"] == "workspace/configuration"
            nothing = [None for _ in message["params"]["items"]] if is_list else None
            self._send({"id": message["id"], "result": nothing})

    def _listen(self) -> None:
        """Takes the server's messages as they come, until it ends."""
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            size = int(header.split(b":")[1]) if header.lower().startswith(b"content-length") else 0
            while stream.readline().strip():
                pass
            if size:
                self._arrived.put(json.loads(stream.read(size)))
        self._arrived.put({"method": _END})


CAPABILITIES = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["quickfix"]}}},
    },
}
