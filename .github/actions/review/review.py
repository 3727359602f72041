"""Says on a pull request what it does to networks: one comment, kept up to date, and annotations.

Everything comes from the environment (action.yml). Specs are of strangers: no shell sees any text of
theirs, nothing of it is printed but by `archgen check --format github`, and what GitHub may read stands
in code spans. Nothing is imported from the folder that is reviewed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from archgen.cli.git import GitFailed, root_of_repository
from archgen.cli.reach import CommittedTree, WorkingTree, reach
from archgen.cli.revisions import open_revision
from archgen.diagnostics import SpecError
from archgen.render.markdown import code_span

MARK = "<!-- archgen review -->"
LONGEST = 65_536  # characters of a comment on GitHub
MOST_NETWORKS = 100
MOST_PAGES = 30
SECONDS = 30.0  # for an answer of GitHub
MOST_SECONDS = 120.0  # for one command of archgen: a spec of a stranger may be made to take long
SEVERITIES = (
    *("equal", "cosmetic", "numerics"),
    *("weight-compatible", "weight-breaking", "shape-breaking"),
)
BREAKING = {"numerics": "numerics", "weights": "weight-breaking", "shape": "shape-breaking"}
ARCHGEN = (sys.executable, "-P", "-m", "archgen")  # -P: what is reviewed is no place to import from


class Setting(NamedTuple):
    """What the environment says: where the specs are, what to compare with, and where to comment."""

    specs: str
    base: str
    breaking: str
    token: str
    author: str
    api: str
    repository: str
    number: int | None
    summary: Path | None


class Section(NamedTuple):
    """What has become of one network; `rank` is the place of its class among SEVERITIES."""

    title: str
    told: str
    rank: int
    text: str


def main() -> int:
    """Runs the review; the status is that of the check, or 1 where a change breaks too much."""
    setting = _setting(os.environ)
    here = Path.cwd()
    try:
        sections = sorted(_sections(setting), key=lambda section: -section.rank)
    except (GitFailed, SpecError):
        sys.exit(f"git cannot compare with {setting.base}: see that the checkout has that commit")
    os.chdir(here)
    status = _annotate(setting)
    body = _body(sections)
    if setting.summary is not None:
        with setting.summary.open("a", encoding="utf-8") as file:
            file.write(body)
    _comment(setting, body, is_empty=not sections)
    if setting.breaking:
        limit = SEVERITIES.index(BREAKING[setting.breaking])
        status = status or int(any(section.rank >= limit for section in sections))
    return status


def _setting(environment: Mapping[str, str]) -> Setting:
    event: Mapping[str, Any] = {}
    if path := environment.get("GITHUB_EVENT_PATH"):
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    request = event.get("pull_request") or {}
    base = environment.get("REVIEW_BASE") or request.get("base", {}).get("sha", "")
    if not re.fullmatch(r"[\w][\w./-]*", base):
        sys.exit("there is no commit to compare with: set the input `base`")
    breaking = environment.get("REVIEW_BREAKING", "")
    if breaking and breaking not in BREAKING:
        sys.exit(f"the input `breaking` is one of {', '.join(BREAKING)}")
    repository = environment.get("GITHUB_REPOSITORY", "")
    summary = environment.get("GITHUB_STEP_SUMMARY")
    return Setting(
        specs=environment.get("REVIEW_SPECS") or "specs",
        base=base,
        breaking=breaking,
        token=environment.get("REVIEW_TOKEN", ""),
        author=environment.get("REVIEW_AUTHOR") or "github-actions[bot]",
        api=environment.get("GITHUB_API_URL", "https://api.github.com"),
        repository=repository if re.fullmatch(r"[\w.-]+/[\w.-]+", repository) else "",
        number=int(request["number"]) if "number" in request else None,
        summary=Path(summary) if summary else None,
    )


# --- networks -----------------------------------------------------------------------------------


def _sections(setting: Setting) -> Iterator[Section]:
    """What has become of every network that the change reaches, also through what it uses or extends.

    Only regular files of the repository are looked at, none to which a link leads.
    """
    _fetch(setting.base)
    root = root_of_repository(Path.cwd())
    folder = _inside(root, setting.specs)
    os.chdir(root)  # paths of revisions go from here
    before, after = CommittedTree(open_revision(setting.base, setting.base)), WorkingTree(root)
    renamed = _renamed(setting.base)
    networks = reach(before, after).networks()
    networks = [path for path in networks if folder == "." or path.startswith(f"{folder}/")]
    old, new = before.blobs(), after.blobs()
    went = {renamed[path] for path in networks if path in renamed}
    for path in [path for path in networks if path not in went][:MOST_NETWORKS]:
        was = renamed.get(path, path if path in old else "")
        section = _section(setting.base, was, path if path in new else "")
        if section is not None:
            yield section


def _inside(root: Path, folder: str) -> str:
    """The path of the folder of specs from the top of the repository, in which it has to lie."""
    real = Path(folder).resolve()
    if not real.is_relative_to(root):
        sys.exit("the input `specs` leads out of the repository")
    return real.relative_to(root).as_posix()


def _renamed(base: str) -> dict[str, str]:
    """The names that files had before, by those that they have now, as git's own diff finds them."""
    found = _git(
        "diff", "--name-status", "--no-ext-diff", "--diff-filter=R", "-M", "-z", base, "--"
    )
    words = [os.fsdecode(word) for word in found.split(b"\0")]
    return {new: old for _, old, new in zip(words[::3], words[1::3], words[2::3], strict=False)}


def _section(base: str, was: str, path: str) -> Section | None:
    """One network that was `was`, and is `path`: one of the two is empty where it is new or gone."""
    title = path if was in (path, "") else f"{was} -> {path}" if path else was
    if not path:
        return Section(title, "gone", len(SEVERITIES), "The network is gone.")
    if not was:
        text = _archgen("summary", "--format", "markdown", "--", path)
        return Section(title, "new", 0, text or "It cannot be read: see the annotations.")
    sides = ("--", f"{base}:{was}", path)
    try:
        document = json.loads(_archgen("diff", "--format", "json", *sides))
    except ValueError:
        return Section(title, "not compared", 0, "It cannot be compared: see the annotations.")
    severity = document["severity"]
    if severity == "equal" and document["is_known"] and not document["failed"]:
        return Section(title, "renamed", 0, "Nothing else has changed.") if was != path else None
    rank = SEVERITIES.index(severity) if severity in SEVERITIES else 0
    told = severity if document["is_known"] else "hidden by errors"
    return Section(title, told, rank, _archgen("diff", "--format", "markdown", *sides))


def _fetch(base: str) -> None:
    """Gets the commit to compare with, where the checkout is a shallow one."""
    command = ["git", "cat-file", "-e", f"{base}^{{commit}}"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        _git("fetch", "--quiet", "--depth=1", "origin", base)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout


def _archgen(*arguments: str) -> str:
    """What a command prints on stdout; what it says on stderr may hold any text, and goes nowhere.

    Nothing where it takes too long.
    """
    command = [*ARCHGEN, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode("utf-8", "replace")


def _annotate(setting: Setting) -> int:
    """Prints the findings as annotations; 0 where there are no errors."""
    if not Path(setting.specs).exists():
        return 0
    command = [*ARCHGEN, "check", "--format", "github", "--", setting.specs]
    quiet = subprocess.DEVNULL
    try:
        return subprocess.run(command, stderr=quiet, check=False, timeout=MOST_SECONDS).returncode
    except subprocess.TimeoutExpired:
        print(f"::error::the check of the specs took more than {MOST_SECONDS:g} seconds")
        return 1


# --- the comment --------------------------------------------------------------------------------


def _body(sections: Sequence[Section]) -> str:
    """The comment; networks for which there is no room are named with their class."""
    count = "1 network" if len(sections) == 1 else f"{len(sections)} networks"
    parts = [MARK, f"### This changes {count}" if sections else "### This changes no network"]
    room, left_out = LONGEST - 4_000, []
    for section in sections:
        text = f"#### {code_span(section.title[-200:])}: {section.told}\n\n{section.text}"
        if len(text) > room:
            left_out.append(section)
            continue
        room -= len(text) + 2
        parts.append(text)
    if left_out:
        named = [f"{code_span(one.title[-60:])} ({one.told})" for one in left_out[:20]]
        more = f" and {len(left_out) - 20} more" if len(left_out) > 20 else ""
        parts.append(f"There is no room for {', '.join(named)}{more}.")
    return "\n\n".join(parts) + "\n"


def _comment(setting: Setting, body: str, *, is_empty: bool) -> None:
    """Writes the one comment, or brings it up to date; what GitHub refuses is told and fails nothing."""
    if not setting.token or not setting.repository or setting.number is None:
        print("no comment: there is no pull request, or no token")
        return
    issues = f"{setting.api}/repos/{setting.repository}/issues"
    try:
        there = _own_comment(setting, f"{issues}/{setting.number}/comments")
        if there is not None:
            _call(setting, "PATCH", f"{issues}/comments/{there}", {"body": body})
        elif not is_empty:
            _call(setting, "POST", f"{issues}/{setting.number}/comments", {"body": body})
    except urllib.error.HTTPError as error:
        print(f"::notice::GitHub takes no comment ({error.code}); it is in the summary of the job")
    except (OSError, ValueError):
        print("::notice::GitHub gives no answer; the comment is in the summary of the job")


def _own_comment(setting: Setting, address: str) -> int | None:
    """The number of the comment that this has written before."""
    for page in range(1, MOST_PAGES + 1):
        found = _call(setting, "GET", f"{address}?per_page=100&page={page}")
        for comment in found:
            is_own = (comment.get("user") or {}).get("login") == setting.author
            if is_own and str(comment.get("body", "")).startswith(MARK):
                return int(comment["id"])
        if len(found) < 100:
            return None
    return None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was given, and nowhere else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _call(setting: Setting, method: str, address: str, content: object = None) -> Any:  # noqa: ANN401  # what GitHub answers
    headers = {
        "Authorization": f"Bearer {setting.token}",
        "Accept": "application/vnd.github+json",
        "Content-Type": "application/json",
        "User-Agent": "archgen-review",
    }
    data = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(address, data, headers, method=method)
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
        return json.loads(answer.read())


if __name__ == "__main__":
    sys.exit(main())
