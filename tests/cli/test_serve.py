"""`archgen serve`: the page, who may see it, and that it follows the spec."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from archgen.cli.serving import HOST, MAX_STREAMS, Edition, PageServer
from tests.cli.conftest import BROKEN, TINY, Command
from tests.cli.interrupting import ENTRY

SECONDS = 60  # a machine may be busy; nothing waits so long that works


@pytest.fixture
def server() -> Iterator[PageServer]:
    """A server of a page that says one."""
    with PageServer(0, Edition("1", b"one")) as made:
        made.start()
        yield made
        made.shutdown()


def _asked(
    server: PageServer, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> HTTPResponse:
    connection = HTTPConnection(HOST, server.server_port, timeout=SECONDS)
    connection.request(method, path, headers=headers or {})
    return connection.getresponse()


def test_the_page_is_served_to_this_machine_alone(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    with closing(_asked(server, "/")) as answer:
        assert (answer.status, answer.read()) == (200, b"one")
        assert answer.getheader("Content-Security-Policy") == "frame-ancestors 'none'"
        assert answer.getheader("Cross-Origin-Resource-Policy") == "same-origin"
        assert answer.getheader("Access-Control-Allow-Origin") is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:80", ""]
)
def test_another_host_is_refused(server: PageServer, host: str) -> None:
    for path in ("/", "/events"):
        with closing(_asked(server, path, {"Host": host})) as answer:
            assert answer.status == 421
            assert b"one" not in answer.read()


def test_localhost_is_this_machine_too(server: PageServer) -> None:
    with closing(_asked(server, "/", {"Host": f"LOCALHOST:{server.server_port}"})) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    "path", ["/specs/inception_v4.yaml", "/../../etc/passwd", "/?x", "/events/", "/%2e%2e/"]
)
def test_there_is_no_other_path(server: PageServer, path: str) -> None:
    with closing(_asked(server, path)) as answer:
        assert answer.status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_sent(server: PageServer, method: str) -> None:
    with closing(_asked(server, "/", method=method)) as answer:
        assert answer.status == 501


def test_a_stream_tells_the_edition_and_then_each_new_one(server: PageServer) -> None:
    with closing(_asked(server, "/events")) as answer:
        assert answer.getheader("Content-Type") == "text/event-stream"
        assert [answer.readline() for _ in range(3)] == [b"event: edition\n", b"data: 1\n", b"\n"]
        server.publish(Edition("2", b"two"))
        assert [answer.readline() for _ in range(3)] == [b"event: edition\n", b"data: 2\n", b"\n"]
    with closing(_asked(server, "/")) as answer:
        assert answer.read() == b"two"


def test_streams_are_few(server: PageServer) -> None:
    server.streams = MAX_STREAMS
    with closing(_asked(server, "/events")) as answer:
        assert answer.status == 503


@pytest.fixture
def served(spec: Callable[..., Path], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The command at work on a spec of its own."""
    spec()
    process = subprocess.Popen(
        [sys.executable, "-c", ENTRY, "serve", "tiny.yaml"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def _line(stream: object) -> str:
    return str(stream.readline())  # type: ignore[attr-defined]  # a pipe


@pytest.mark.slow
def test_the_page_follows_the_spec_until_an_interrupt(
    served: subprocess.Popen[str], folder: Path
) -> None:
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", _line(served.stdout))
    assert found
    assert _line(served.stderr) == "found no problems; Ctrl-C ends this\n"
    connection = HTTPConnection(HOST, int(found[1]), timeout=SECONDS)
    connection.request("GET", "/events")
    news = connection.getresponse()
    before = [news.readline() for _ in range(3)]
    (folder / "tiny.yaml").write_text(BROKEN)
    while (after := news.readline()) in (b":\n", b"\n"):
        pass
    assert after == before[0]
    assert news.readline() != before[1]
    connection.close()
    connection.request("GET", "/")
    page = connection.getresponse().read().decode()
    assert "error[AG301]: branches of a concat end on different grids (tiny.yaml:" in page
    assert _line(served.stderr) == "found 1 error in 1 file; Ctrl-C ends this\n"
    served.send_signal(signal.SIGINT)
    assert served.wait(SECONDS) == 130
    assert served.stderr is not None
    assert served.stderr.read() == "interrupted\n"


def test_a_name_that_leads_nowhere_is_told_and_not_served(archgen: Command) -> None:
    result = archgen("serve", "nowhere.yaml")
    assert (result.status, result.out) == (2, "")
    assert "there is no such file" in result.err


def test_standard_input_cannot_be_followed(archgen: Command) -> None:
    assert archgen("serve", "-").status == 2


def test_a_port_that_is_taken_is_told(
    archgen: Command, spec: Callable[..., Path], server: PageServer
) -> None:
    spec(TINY)
    result = archgen("serve", "tiny.yaml", "--port", str(server.server_port))
    assert result.status == 2
    assert f"port {server.server_port} cannot be used: address already in use" in result.err
