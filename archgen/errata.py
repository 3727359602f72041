"""Errata and alternatives are claims about a source, and claims are compiled.

A `contradiction` says that the printed value cannot be: compiled with it, that very step must fail. A
`reading` says that shapes cannot decide: its printed variant must compile, and another source must be
named. An `alternative` is another self-consistent network: it must compile, and meet its own `expect`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archgen.checks import CHECKS
from archgen.diagnostics import Diagnostic, Findings, Severity, Span
from archgen.infer import infer
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of
from archgen.overrides import Override, apply_overrides
from archgen.resolve import Erratum, Resolved, read_expect, resolve
from archgen.rules import (
    ALTERNATIVE_FAILS,
    ERRATUM_COMPILES,
    ERRATUM_FIELD,
    READING_FAILS,
    READING_SOURCE,
)
from archgen.spec.model import Alternative


def check_errata(resolved: Resolved) -> Iterator[Diagnostic]:
    """What is wrong with the errata of a network that itself is sound."""
    for erratum in resolved.errata:
        malformed = _malformed(erratum)
        if malformed is not None:
            yield malformed
            continue
        errors = _errors_as_printed(resolved, erratum)
        place = erratum.written.field.span
        if erratum.written.is_reading:
            if errors:
                message = (
                    f"the printed variant of this reading does not compile: {errors[0].message}"
                )
                yield READING_FAILS.at(
                    place, message, help="shapes decide here: remove `kind: reading`"
                )
        elif not any(_concerns(error, erratum.step.span) for error in errors):
            message = f"the printed `{_printed(erratum)}` compiles, so it contradicts nothing"
            yield ERRATUM_COMPILES.at(
                place, message, help="remove the erratum, or write `kind: reading` and a `source:`"
            )


def _malformed(erratum: Erratum) -> Diagnostic | None:
    field, step = erratum.written.field, erratum.step
    op = OPS_BY_NAME.get(step.op.text)
    if op is not None and field.text != "repeat" and field.text not in settings_of(op):
        known = ", ".join((*settings_of(op), "repeat"))
        return ERRATUM_FIELD.at(
            field.span, f"`{step.op.text}` has no setting `{field.text}`", help=f"it takes {known}"
        )
    kind = erratum.written.kind
    if kind is not None and kind.text not in ("contradiction", "reading"):
        help = "write `contradiction` or `reading`"
        return ERRATUM_FIELD.at(kind.span, f"`{kind.text}` is no kind of erratum", help=help)
    if erratum.written.is_reading and erratum.written.source is None:
        message = "a reading is decided by another source, and none is named"
        return READING_SOURCE.at(
            field.span, message, help="write `source: {paper: ..., figure: ...}`"
        )
    return None


def _printed(erratum: Erratum) -> str:
    printed = erratum.written.printed
    value = getattr(printed, "text", "...") or "nothing"
    return f"{erratum.written.field.text}: {value}"


def _errors_as_printed(resolved: Resolved, erratum: Erratum) -> list[Diagnostic]:
    findings = Findings()
    printed = resolve(resolved.file, findings, printed=(erratum,))
    if printed.network is not None:
        infer(printed.network, findings)
    return [finding for finding in findings.diagnostics if finding.severity is Severity.ERROR]


def _concerns(finding: Diagnostic, step: Span) -> bool:
    """Whether a finding points into the step, by its primary place or a label."""
    return step.contains(finding.span) or any(step.contains(label.span) for label in finding.labels)


def check_alternatives(resolved: Resolved) -> Iterator[Diagnostic]:
    """What is wrong with the alternatives of a network that itself is sound."""
    alternatives = resolved.file.network.alternatives
    for key, _ in alternatives.entries if alternatives else ():
        alternative = resolved.file.alternatives[key.text]
        if alternative is not None:
            yield from _check_alternative(resolved, key.text, key.span, alternative)


def _check_alternative(
    resolved: Resolved, name: str, place: Span, alternative: Alternative
) -> Iterator[Diagnostic]:
    assert resolved.network is not None
    findings = Findings()
    overrides = tuple(Override(key.text, value, key.span) for key, value in alternative.set.entries)
    network, arguments = apply_overrides(resolved.network, overrides, findings)
    expect = read_expect(alternative.expect, {}, findings)
    yield from findings.diagnostics
    if findings.has_errors:
        return
    shaped = infer(
        replace(network, block=replace(network.block, expect=expect)), findings, arguments
    )
    if shaped is not None:
        findings.extend(finding for check in CHECKS for finding in check(shaped))
    for error in findings.diagnostics:
        if error.severity is Severity.ERROR:
            message = f"the alternative `{name}` does not compile: {error.message}"
            yield ALTERNATIVE_FAILS.at(place, message, notes=[f"at {error.span}"])
