"""`archgen lsp` as a process: how it ends, and what it answers to messages that are malformed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.speaking import Client


def test_the_extra_is_named_where_it_is_missing(
    archgen: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archgen.cli.lsp.find_spec", lambda _: None)
    result = archgen("lsp")
    assert result == (
        2,
        "",
        "error: the language server needs pygls: pip install 'archgen[editor]'\n",
    )


def _message(**content: object) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **content}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


BEGIN = _message(
    id="begin",
    method="initialize",
    params={"processId": None, "rootUri": None, "capabilities": {}},
)
END = _message(id="end", method="shutdown") + _message(method="exit")
HOVER = {"textDocument": {"uri": "file:///nowhere.yaml"}, "position": {"line": 0, "character": 0}}


def _conversation(requests: bytes) -> tuple[int, list[dict[str, Any]], str]:
    """The status of the server, its answers, and what it wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "archgen", "lsp"],
        input=requests,
        capture_output=True,
        timeout=60,
        check=False,
    )
    answers, left = [], done.stdout
    while left:
        header, _, left = left.partition(b"\r\n\r\n")
        size = int(header.split(b"\r\n")[0].removeprefix(b"Content-Length: "))
        answers.append(json.loads(left[:size]))
        left = left[size:]
    return done.returncode, answers, done.stderr.decode()


def test_an_orderly_end_has_status_0_and_no_other_words() -> None:
    status, answers, complaint = _conversation(BEGIN + END)
    assert (status, [answer["id"] for answer in answers], complaint) == (0, ["begin", "end"], "")


def test_an_editor_that_exits_without_shutdown_has_status_1() -> None:
    assert _conversation(BEGIN + _message(method="exit"))[::2] == (1, "")


def test_an_editor_that_is_gone_ends_the_server_quietly() -> None:
    assert _conversation(BEGIN)[::2] == (0, "")


@pytest.mark.parametrize(
    ("requests", "number", "code"),
    [
        (b"Content-Length: -5\r\n\r\nhello", None, -32700),
        (b"Content-Length: many\r\n\r\n", None, -32700),
        (b"Content-Length: 0\r\n\r\n", None, -32700),
        (b"Content-Length: 9999999999\r\n\r\n{}", None, -32700),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", None, -32700),
        (b"Content-Length: 5\r\n\r\nhello", None, -32700),
        (b"Content-Length: 20000\r\n\r\n" + b"[" * 20000, None, -32700),
        (b"Content-Length: 2\r\n\r\n[]", None, -32600),
        (_message(id=5, method=7), None, -32600),
        (_message(id=5, method="no/such"), 5, -32601),
        (_message(id=5, method="textDocument/hover", params={"x": 1}), 5, -32602),
        (_message(id=5, method="textDocument/hover", params=[1]), 5, -32602),
        (_message(id=5, method="textDocument/hover", params=HOVER), 5, -32602),
    ],
)
def test_a_malformed_message_is_answered_by_its_code_and_the_next_is_served(
    requests: bytes, number: int | None, code: int
) -> None:
    status, (_, refusal, end), complaint = _conversation(BEGIN + requests + END)
    assert (refusal["id"], refusal["error"]["code"], end["id"]) == (number, code, "end")
    assert (status, complaint) == (0, "")


def test_a_question_before_the_greeting_is_refused() -> None:
    ask = _message(id=5, method="textDocument/hover", params=HOVER)
    _, answers, _ = _conversation(ask + BEGIN + END)
    assert answers[0]["error"]["code"] == -32002


@pytest.mark.parametrize("uri", ["file:///tmp/a%20b.yaml", "file:///tmp/a%00b.yaml", "untitled:1"])
def test_a_document_is_checked_whatever_its_address(uri: str) -> None:
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": "network: []\n"}
    with Client([sys.executable, "-m", "archgen", "lsp"], cwd=Path("/")) as editor:
        editor.begin(Path("/"))
        editor.tell("textDocument/didOpen", {"textDocument": document})
        assert editor.findings(uri)
