"""`check --format gitlab` and `sarif`: field by field, and fingerprints that stay where lines move."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from archgen.cli.reporters import gitlab, sarif
from archgen.diagnostics import Edit, Fix, Label
from tests.cli.conftest import BROKEN, TINY, Command
from tests.cli.test_reporters import GRIDS, UNUSED, span

FILE = "specs/a b.yaml"
FOUND = GRIDS.at(
    span(3, 5, 4, FILE),
    "`x` ends on [other](http://grids)\u202e",
    caption="18x18",
    labels=[Label(span(2, 1, 3, FILE), "17x17")],
    notes=["in network[2]"],
    help="write `valid`",
)._replace(fixes=(Fix("write `valid`", (Edit(span(3, 5, 4, FILE), "valid"),)), Fix("or not")))
WARNING = UNUSED.at(span(1, 1, 3, FILE), "`one` is never used")
SOURCES = {FILE: "one\ntwo\n    four\n"}


def test_a_gitlab_report_has_the_fields_that_gitlab_reads() -> None:
    document = json.loads("\n".join(gitlab([FOUND, WARNING], SOURCES)))
    prints = [finding.pop("fingerprint") for finding in document]
    assert document[0] == {
        "description": "AG301: `x` ends on [other](http://grids)<U+202E>; write `valid`",
        "check_name": "AG301 grids-differ",
        "severity": "major",
        "location": {
            "path": "specs/a b.yaml",
            "positions": {"begin": {"line": 3, "column": 5}, "end": {"line": 3, "column": 9}},
        },
    }
    assert document[1]["severity"] == "minor"
    assert all(re.fullmatch("[0-9a-f]{40}", number) for number in prints)
    assert prints[0] != prints[1]


def test_a_sarif_log_says_all_there_is_to_a_finding() -> None:
    log = json.loads("\n".join(sarif([FOUND, WARNING], SOURCES)))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in rules] == [
        ("AG301", "error"),
        ("AG404", "warning"),
    ]
    first, second = run["results"]
    region = {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9}
    place = {"uri": "specs/a%20b.yaml"}
    assert first["locations"] == [
        {"physicalLocation": {"artifactLocation": place, "region": region}}
    ]
    assert first["relatedLocations"][0]["message"] == {"text": "17x17"}
    assert first["message"]["text"].split("\n") == [
        "`x` ends on [other\\](http://grids)<U+202E>",
        "18x18",
        "in network[2]",
        "help: write `valid`",
    ]
    (fix,) = first["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"] == place
    assert change["replacements"] == [
        {"deletedRegion": region, "insertedContent": {"text": "valid"}}
    ]
    assert [(result["ruleId"], result["ruleIndex"]) for result in (first, second)] == [
        ("AG301", 0),
        ("AG404", 1),
    ]
    assert "fixes" not in second


def _fingerprints(log: Mapping[str, Any]) -> list[str]:
    results = log["runs"][0]["results"]
    return [result["partialFingerprints"]["archgenFinding/v1"] for result in results]


def _line(result: Mapping[str, Any]) -> int:
    return int(result["locations"][0]["physicalLocation"]["region"]["startLine"])


def test_fingerprints_stay_where_lines_move_and_differ_where_lines_are_equal(
    archgen: Command, spec: Callable[..., Path]
) -> None:
    slip = "- conv: {filters: -8, kernel: 1}"
    twice = BROKEN.replace("- cell: {width: 4}", f"{slip}\n  {slip}")
    logs = []
    for text in (twice, f"# a comment\n\n{twice}".replace(slip, slip.replace(": -8", ":   -8"))):
        path = spec(text)
        logs.append(json.loads(archgen("check", "--format", "sarif", str(path)).out))
    before, after = map(_fingerprints, logs)
    assert len(set(before)) == len(before) >= 2
    assert before == after
    places = [list(map(_line, log["runs"][0]["results"])) for log in logs]
    assert all(old + 2 == new for old, new in zip(*places, strict=True))


@pytest.mark.parametrize("output_format", ["gitlab", "sarif"])
def test_a_document_is_whole_and_alone_also_where_nothing_is_found(
    output_format: str, archgen: Command, spec: Callable[..., Path]
) -> None:
    sound = archgen("check", "--format", output_format, str(spec(TINY)))
    assert sound.status == 0
    document = json.loads(sound.out)
    assert document == [] or document["runs"][0]["results"] == []
    missing = archgen("check", "--as-printed", "--format", output_format, "missing.yaml")
    assert missing.status == 2
    assert "AG001" in json.dumps(json.loads(missing.out))


def test_a_path_is_given_as_from_the_working_folder(
    archgen: Command, spec: Callable[..., Path], folder: Path
) -> None:
    spec(BROKEN, "specs/tiny.yaml")
    paths = []
    for target in ("specs", "./specs/tiny.yaml", str(folder / "specs" / "tiny.yaml")):
        document = json.loads(archgen("check", "--format", "gitlab", target).out)
        paths += [(finding["location"]["path"], finding["fingerprint"]) for finding in document]
    assert len(set(paths)) == 1
    assert paths[0][0] == "specs/tiny.yaml"
