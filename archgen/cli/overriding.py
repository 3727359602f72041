"""`--set TARGET=VALUE`: values from the command line in the place of a spec's own.

The strings are a source like any other: findings point into them, one line a string.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from archgen.diagnostics import Findings, Position, Span, SpecError
from archgen.infer import infer
from archgen.ir.shaped import ShapedNetwork
from archgen.overrides import Override, apply_overrides
from archgen.pipeline import Compilation
from archgen.spec.document import Node, parse

SOURCE = "--set"


def overridden(
    compilation: Compilation, assignments: Sequence[str]
) -> tuple[ShapedNetwork, dict[str, str]]:
    """The network with these values, and all sources, the strings among them.

    What the spec expects of its own values is left aside: shapes must be right, counts may differ.
    Raises SpecError.
    """
    sources = {**compilation.sources, SOURCE: "\n".join(assignments)}
    findings = Findings()
    overrides = tuple(
        override
        for number, text in enumerate(assignments, start=1)
        if (override := _read(text, number, findings)) is not None
    )
    assert compilation.resolved is not None
    assert compilation.resolved.network is not None
    network, arguments = apply_overrides(compilation.resolved.network, overrides, findings)
    shaped = None if findings.has_errors else infer(network, findings, arguments)
    if shaped is None or findings.has_errors:
        raise SpecError(findings.diagnostics, sources)
    return shaped, sources


def _read(text: str, number: int, findings: Findings) -> Override | None:
    """One string; its value is read as YAML, where it stands in the string."""
    target, sign, value = text.partition("=")
    if not sign or not target.strip() or not value.strip() or "\n" in text:
        raise click.BadParameter(f"`{text}` is not TARGET=VALUE", param_hint="--set")
    start = len(target) + len(sign)
    node = _value("\n" * (number - 1) + " " * start + value, findings)
    span = Span(SOURCE, Position(number, 1), Position(number, len(target) + 1))
    return None if node is None else Override(target.strip(), node, span)


def _value(padded: str, findings: Findings) -> Node | None:
    """The YAML in `padded`; what is missing at its end is told at its last character."""
    found = Findings()
    node = parse(padded, SOURCE, found)
    last = Position(padded.count("\n") + 1, len(padded) - padded.rfind("\n") - 1)
    end = Span(SOURCE, last, Position(last.line, last.column + 1))
    for finding in found.diagnostics:
        findings.add(finding if finding.span.start <= last else finding._replace(span=end))
    return node
