"""The action for pull requests: its script on a real repository, against a small stand-in of GitHub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.cli.conftest import TINY
from tests.cli.test_diff import NET, PARTS
from tests.compiling import ROOT

ACTION = ROOT / ".github" / "actions" / "review"
MARK = "<!-- archgen review -->"
BOT = "github-actions[bot]"


class GitHub(ThreadingHTTPServer):
    """The comments of one issue, and what was asked for them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.comments: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.status = 200


class _Answers(BaseHTTPRequestHandler):
    server: GitHub

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content: dict[str, Any] = json.loads(self.rfile.read(length)) if length else {}
        github, method = self.server, self.command
        github.calls.append((method, self.path))
        assert self.headers["Authorization"] == "Bearer secret"
        result: object = {}
        if github.status == 200 and method == "POST":
            result = {"id": len(github.comments), "user": {"login": BOT}, "body": content["body"]}
            github.comments.append(result)
        elif github.status == 200 and method == "PATCH":
            number = int(self.path.rpartition("/")[2])
            github.comments[number]["body"] = content["body"]
        elif method == "GET":
            page = int(self.path.rpartition("page=")[2])
            result = github.comments[100 * (page - 1) : 100 * page]
        data = json.dumps(result).encode()
        self.send_response(github.status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815  # as http.server calls them

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def github() -> Iterator[GitHub]:
    """GitHub, on the loopback."""
    server = GitHub()
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, of a spec and its library."""
    folder = tmp_path / "repository"
    (folder / "specs" / "blocks").mkdir(parents=True)
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_", "REVIEW_"))]:
        monkeypatch.delenv(name)
    (folder / "specs" / "net.yaml").write_text(NET)
    (folder / "specs" / "blocks" / "parts.yaml").write_text(PARTS)
    git("init", "-q")
    commit()
    return folder


def git(*arguments: str) -> str:
    """What git prints in the working folder."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit() -> None:
    """Commits all there is."""
    git("add", ".")
    git("commit", "-qm", "a commit")


def review(github: GitHub, tmp_path: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Runs the script as GitHub would, for pull request 7 into the first commit."""
    base = git("rev-list", "--max-parents=0", "HEAD")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "base": {"sha": base}}}))
    environment = {
        **os.environ,
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "GITHUB_API_URL": f"http://127.0.0.1:{github.server_port}",
        "GITHUB_REPOSITORY": "somebody/networks",
        "REVIEW_TOKEN": "secret",
        **inputs,
    }
    command = [sys.executable, "-P", str(ACTION / "review.py")]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_pull_request_has_one_comment_that_is_kept_up_to_date(
    github: GitHub, repository: Path, tmp_path: Path
) -> None:
    github.comments = [
        {"id": number, "user": {"login": "somebody"}, "body": f"{MARK}\n\nnot ours"}
        for number in range(100)
    ]
    library = repository / "specs" / "blocks" / "parts.yaml"
    library.write_text(PARTS.replace("kernel: 3", "kernel: 5"))
    commit()
    assert review(github, tmp_path).returncode == 0
    (comment,) = github.comments[100:]
    assert comment["body"].startswith(
        f"{MARK}\n\n### This changes 1 network\n\n#### `specs/net.yaml`: "
    )
    assert "`~ stem conv kernel 3 -> 5`" in comment["body"]
    assert (tmp_path / "summary.md").read_text() == comment["body"]

    library.write_text(PARTS)
    commit()
    assert review(github, tmp_path).returncode == 0
    assert [c["body"] for c in github.comments[100:]] == [
        f"{MARK}\n\n### This changes no network\n"
    ]
    assert {c["body"] for c in github.comments[:100]} == {f"{MARK}\n\nnot ours"}
    assert [method for method, _ in github.calls] == ["GET", "GET", "POST", "GET", "GET", "PATCH"]


@pytest.mark.slow
def test_new_gone_broken_and_breaking_networks(
    github: GitHub, repository: Path, tmp_path: Path
) -> None:
    specs = repository / "specs"
    (specs / "other.yaml").write_text(NET)
    (specs / "gone.yaml").write_text(NET)
    commit()
    git("checkout", "-q", "--orphan", "main-line")
    commit()
    (specs / "gone.yaml").unlink()
    (specs / "new.yaml").write_text(TINY)
    (specs / "net.yaml").write_text(NET.replace("filters: 16", "filters: 24"))
    (specs / "other.yaml").write_text(NET.replace("network:", "network: ["))
    commit()
    done = review(github, tmp_path)
    assert done.returncode == 1
    assert "::error title=AG002" in done.stdout
    (comment,) = github.comments
    heads = [line for line in comment["body"].split("\n") if line.startswith("#### ")]
    assert heads == [
        "#### `specs/gone.yaml`: gone",
        "#### `specs/net.yaml`: weight-breaking",
        "#### `specs/new.yaml`: new",
        "#### `specs/other.yaml`: hidden by errors",
    ]
    (specs / "other.yaml").write_text(NET)
    (specs / "gone.yaml").write_text(NET)
    commit()
    statuses = [
        review(github, tmp_path, REVIEW_BREAKING=what).returncode
        for what in ("", "weights", "shape")
    ]
    assert statuses == [0, 1, 0]


@pytest.mark.slow
def test_a_network_that_extends_another_is_seen_and_a_renamed_one_is_compared(
    github: GitHub, repository: Path, tmp_path: Path
) -> None:
    specs = repository / "specs"
    wide = "archgen: 1\nname: wide\nextends: net.yaml\nedit:\n  - {at: input.grid, set: 64}\n"
    (specs / "wide.yaml").write_text(wide)
    (specs / "old.yaml").write_text(NET)
    git("add", ".")
    git("commit", "-q", "--amend", "-m", "first")
    git("mv", "specs/old.yaml", "specs/new.yaml")
    (specs / "new.yaml").write_text(NET.replace("filters: 8", "filters: 9"))
    (specs / "blocks" / "parts.yaml").write_text(PARTS.replace("kernel: 3", "kernel: 5"))
    commit()
    assert review(github, tmp_path).returncode == 0
    (comment,) = github.comments
    heads = [line for line in comment["body"].split("\n") if line.startswith("#### ")]
    assert heads == [
        "#### `specs/old.yaml -> specs/new.yaml`: shape-breaking",
        "#### `specs/net.yaml`: weight-breaking",
        "#### `specs/wide.yaml`: weight-breaking",
    ]


@pytest.mark.slow
def test_nothing_outside_of_the_repository_is_read(
    github: GitHub, repository: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "secret.yaml").write_text(NET.replace("name: net", "name: s3cr3t"))
    (outside / "deep" / "net.yaml").write_text(NET.replace("name: net", "name: s3cr3t"))
    specs = repository / "specs"
    (specs / "deep").mkdir()
    (specs / "deep" / "net.yaml").write_text(NET)
    git("add", ".")
    git("commit", "-q", "--amend", "-m", "first")
    git("rm", "-rq", "specs/deep")
    (specs / "deep").symlink_to(outside / "deep")
    (specs / "link.yaml").symlink_to(outside / "secret.yaml")
    commit()
    done = review(github, tmp_path)
    (comment,) = github.comments
    assert "s3cr3t" not in done.stdout + done.stderr + comment["body"]
    assert "#### `specs/deep/net.yaml`: gone" in comment["body"]
    git("rm", "-rq", "--cached", "specs")
    specs.rename(repository / "old")
    specs.symlink_to(outside)
    commit()
    done = review(github, tmp_path)
    assert (done.returncode, done.stderr) == (1, "the input `specs` leads out of the repository\n")


@pytest.mark.slow
def test_no_text_of_a_stranger_reaches_a_shell_or_the_log(
    github: GitHub, repository: Path, tmp_path: Path
) -> None:
    specs = repository / "specs"
    hostile = [
        "$(touch pwned).yaml",
        "-o pwned.yaml",
        "`x`@someone ``` <b>.yaml",
        "::error::x.yaml",
    ]
    for name in hostile:
        (specs / name).write_text(NET.replace("blocks/parts.yaml", "::warning::parts.yaml"))
    (repository / "yaml.py").write_text("open('pwned', 'w')\n")
    (repository / "archgen").mkdir()
    (repository / "archgen" / "__init__.py").write_text("open('pwned', 'w')\n")
    commit()
    done = review(github, tmp_path)
    assert done.returncode in (1, 2)
    assert not list(repository.rglob("pwned*"))
    lines = (done.stdout + done.stderr).splitlines()
    assert all(line.startswith(("::error title=AG", "found ")) for line in lines), lines
    (comment,) = github.comments
    assert "#### ````specs/`x`@someone ``` <b>.yaml````: new" in comment["body"]


@pytest.mark.slow
def test_a_refusal_of_github_is_told_and_fails_nothing(
    github: GitHub, repository: Path, tmp_path: Path
) -> None:
    github.status = 403
    (repository / "specs" / "net.yaml").write_text(NET.replace("filters: 16", "filters: 24"))
    commit()
    done = review(github, tmp_path)
    assert done.returncode == 0
    assert "::notice::GitHub takes no comment (403)" in done.stdout
    assert "This changes 1 network" in (tmp_path / "summary.md").read_text()


def test_inputs_reach_the_script_by_the_environment_alone() -> None:
    action = yaml.safe_load((ACTION / "action.yml").read_text())
    steps = action["runs"]["steps"]
    assert not [step for step in steps if "${{" in step["run"]]
    given = {name: value for step in steps for name, value in step.get("env", {}).items()}
    assert {value[4:-3].strip() for value in given.values()} == {
        f"inputs.{n}" for n in action["inputs"]
    }
    script = (ACTION / "review.py").read_text()
    assert all(f'"{name}"' in script for name in given)
    assert "shell=True" not in script
