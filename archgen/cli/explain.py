"""`archgen explain`: what a code means, with an example that fails and one that does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options, complete_codes, example, format_option
from archgen.cli.report import paint_lines
from archgen.cli.terminal import write_lines

if TYPE_CHECKING:
    from archgen.diagnostics import Rule
    from archgen.render import Line

SCHEMA = 1
EXPLANATIONS = Path(__file__).parents[1] / "explanations"


class Page(NamedTuple):
    """What is known about a rule; texts are empty where nobody has written them.

    `output` is what the checker says about the failing example, computed and not stored.
    """

    rule: Rule
    why: str = ""
    fails: str = ""
    output: str = ""
    passes: str = ""


@click.command(epilog=example("archgen explain AG301", "archgen explain"))
@click.argument("code", required=False, shell_complete=complete_codes)
@format_option("text", "json")
@common_options
def explain(code: str | None, output_format: str) -> int:
    """Explain what a finding's code means.

    Shows what the rule says, why it matters, an example that fails with its real output, and the
    example mended. Without a code, lists all codes.
    """
    if code is None:
        return _list(output_format)
    page = _page(_rule(code))
    if output_format == "json":
        write_lines([json.dumps(_document(page), indent=2)])
    else:
        write_lines(paint_lines(_text(page)))
    return SOUND


def _rule(code: str) -> Rule:
    """The rule of a code, or of a name such as `grids-differ`."""
    from archgen.diagnostics import did_you_mean
    from archgen.rules import RULES

    rules = {key: rule for rule in RULES for key in (rule.code, rule.name)}
    found = rules.get(code.upper()) or rules.get(code.lower())
    if found is None:
        near = did_you_mean(code.upper(), rules) or did_you_mean(code.lower(), rules)
        hint = f"did you mean `{near}`?" if near else "`archgen explain` lists all codes"
        raise click.UsageError(f"there is no code `{code}`: {hint}")
    return found


def _list(output_format: str) -> int:
    from archgen.render import Line, aligned
    from archgen.rules import RULES

    if output_format == "json":
        document = {"schema": SCHEMA, "rules": [_rule_document(rule) for rule in RULES]}
        write_lines([json.dumps(document, indent=2)])
    else:
        rows = [(rule.code, rule.name, str(rule.severity), rule.summary) for rule in RULES]
        write_lines(paint_lines(Line(text) for text in aligned(rows, left=4)))
    return SOUND


def _page(rule: Rule) -> Page:
    from archgen.cli.checking import example_report

    folder = EXPLANATIONS / rule.code
    failing = folder / "fails.yaml"
    output = "\n".join(example_report(failing)) if failing.is_file() else ""
    why, passes = _read(folder / "why.md"), _read(folder / "passes.yaml")
    return Page(rule, why, _read(failing), output, passes)


def _read(path: Path) -> str:
    """The text of a file; empty where there is none, or where not being text is its point."""
    try:
        return path.read_text(encoding="utf-8").strip("\n")
    except (FileNotFoundError, UnicodeDecodeError):
        return ""


def _text(page: Page) -> Iterator[Line]:
    from archgen.render import Line

    rule = page.rule
    yield Line(f"{rule.code} {rule.name} ({rule.severity}): {rule.summary}", "head")
    for title, text, indent in (
        ("", page.why, ""),
        ("This fails:", page.fails, "    "),
        ("archgen check says:", page.output, "    "),
        ("This does not:", page.passes, "    "),
    ):
        if text:
            yield Line("")
            if title:
                yield from (Line(title, "head"), Line(""))
            yield from (Line(f"{indent}{line}".rstrip()) for line in text.split("\n"))


def _rule_document(rule: Rule) -> dict[str, object]:
    return {
        "code": rule.code,
        "name": rule.name,
        "severity": rule.severity.value,
        "summary": rule.summary,
    }


def _document(page: Page) -> dict[str, object]:
    texts = {"why": page.why, "fails": page.fails, "output": page.output, "passes": page.passes}
    return {"schema": SCHEMA, **_rule_document(page.rule), **texts}
