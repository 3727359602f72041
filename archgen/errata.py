"""Errata and alternatives are claims about a source, and claims are compiled.

A `contradiction` says that the printed value cannot be: compiled with it, that very step must fail. A
`reading` says that shapes cannot decide: its printed variant must compile, and another source must be
named. An `alternative` is another self-consistent network: it must compile, and meet its own `expect`.
"""

from __future__ import annotations

from collections.abc import Iterator

from archgen.checks import CHECKS
from archgen.diagnostics import Diagnostic, Findings, Label, Severity, Span
from archgen.infer import Uses, infer
from archgen.ir.graph import BlockCall, JoinCall, NetworkGraph, Node, OpCall
from archgen.ir.rewriting import replace_nodes
from archgen.resolve import Erratum, Resolved, read_expect
from archgen.rules import (
    ALTERNATIVE_FAILS,
    ERRATUM_COMPILES,
    ERRATUM_FIELD,
    LIMIT,
    READING_FAILS,
    READING_SOURCE,
)
from archgen.spec.model import Alternative

MAX_ALTERNATIVE_STEPS = 20_000


def as_printed(network: NetworkGraph, errata: tuple[Erratum, ...]) -> NetworkGraph:
    """The network with what its sources print in the place of what the spec uses."""
    printed = {id(erratum.node): erratum.printed for erratum in errata}
    return replace_nodes(network, {key: node for key, node in printed.items() if node is not None})


def told_as_printed(finding: Diagnostic, errata: tuple[Erratum, ...]) -> Diagnostic:
    """A finding with what the source prints in the steps that it points into."""
    notes = [
        f"as printed: `{_shown(erratum)}` on line {erratum.step.span.start.line}; {erratum.written.why}"
        for erratum in errata
        if _concerns(finding, erratum.step.span)
    ]
    return finding.with_notes(*notes)


def check_errata(resolved: Resolved, uses: Uses) -> Iterator[Diagnostic]:
    """What is wrong with the errata of a network that itself is sound; `uses` is what its walk has done."""
    assert resolved.network is not None
    for erratum in resolved.errata:
        malformed = _malformed(erratum)
        if malformed is not None:
            yield malformed
            continue
        errors = _errors_as_printed(resolved.network, erratum, uses)
        place = erratum.written.field.span
        if erratum.written.is_reading:
            if errors:
                message = (
                    f"the printed variant of this reading does not compile: {errors[0].message}"
                )
                help = "shapes decide here: remove `kind: reading`"
                yield READING_FAILS.at(place, message, help=help)
        elif not any(_concerns(error, span) for error in errors for span in _parts(erratum.node)):
            message = f"the printed `{_shown(erratum)}` compiles, so it contradicts nothing"
            help = "remove the erratum, or write `kind: reading` and a `source:`"
            yield ERRATUM_COMPILES.at(place, message, help=help)


def check_fields(resolved: Resolved) -> Iterator[Diagnostic]:
    """Errata that cannot belong to their step, as after a line between them is gone.

    Of a network that is wrong elsewhere nothing else is said. What a block takes may be what is wrong.
    """
    for erratum in resolved.errata:
        is_read = erratum.printed is not None or erratum.findings
        if not is_read and isinstance(erratum.node.call, OpCall | JoinCall):
            yield _no_setting(erratum)


def _no_setting(erratum: Erratum) -> Diagnostic:
    field = erratum.written.field
    message = f"`{erratum.step.op.text}` has no setting `{field.text}`"
    return ERRATUM_FIELD.at(field.span, message, help="name a setting of this step, or `repeat`")


def _malformed(erratum: Erratum) -> Diagnostic | None:
    field, kind = erratum.written.field, erratum.written.kind
    if erratum.findings:
        return erratum.findings[0]
    if erratum.printed is None:
        return _no_setting(erratum)
    if kind is not None and kind.text not in ("contradiction", "reading"):
        help = "write `contradiction` or `reading`"
        return ERRATUM_FIELD.at(kind.span, f"`{kind.text}` is no kind of erratum", help=help)
    if erratum.written.is_reading and erratum.written.source is None:
        message = "a reading is decided by another source, and none is named"
        help = "write `source: {paper: ..., figure: ...}`"
        return READING_SOURCE.at(field.span, message, help=help)
    return None


def _shown(erratum: Erratum) -> str:
    printed = erratum.written.printed
    value = getattr(printed, "text", "...") or "nothing"
    return f"{erratum.written.field.text}: {value}"


def _errors_as_printed(network: NetworkGraph, erratum: Erratum, uses: Uses) -> list[Diagnostic]:
    findings = Findings()
    infer(as_printed(network, (erratum,)), findings, uses=uses.copy())
    return [finding for finding in findings.diagnostics if finding.severity is Severity.ERROR]


def _parts(node: Node) -> Iterator[Span]:
    """The step, and where it is a use of a block, what the block consists of."""
    yield node.span
    if isinstance(node.call, BlockCall):
        block = node.call.block
        yield from (inner.span for inner in block.graph.nodes)
        yield from (requirement.term.span for requirement in block.requires)


def _concerns(finding: Diagnostic, step: Span) -> bool:
    """Whether a finding points into the step, by its primary place or a label."""
    return step.contains(finding.span) or any(step.contains(label.span) for label in finding.labels)


def check_alternatives(resolved: Resolved, uses: Uses) -> Iterator[Diagnostic]:
    """What is wrong with the alternatives of a network that itself is sound; `uses` as above."""
    alternatives = resolved.file.network.alternatives
    assert resolved.network is not None
    steps = sum(1 for _ in resolved.network.block.graph.walk())
    for number, (key, _) in enumerate(alternatives.entries if alternatives else (), start=1):
        if number * steps > MAX_ALTERNATIVE_STEPS and number > 1:
            message = f"the alternatives so far come to more than {MAX_ALTERNATIVE_STEPS:,} steps"
            yield LIMIT.at(key.span, message, help="keep fewer alternatives in one file")
            return
        alternative = resolved.file.alternatives[key.text]
        if alternative is not None:
            yield from _check_alternative(resolved, key.text, key.span, alternative, uses.copy())


def _check_alternative(
    resolved: Resolved, name: str, place: Span, alternative: Alternative, uses: Uses
) -> Iterator[Diagnostic]:
    from archgen.overrides import Override, apply_overrides  # noqa: PLC0415  # few specs have alternatives

    assert resolved.network is not None
    findings = Findings()
    overrides = tuple(Override(key.text, value, key.span) for key, value in alternative.set.entries)
    network, arguments = apply_overrides(resolved.network, overrides, findings)
    expect = read_expect(alternative.expect, {}, findings, of_network=True)
    yield from findings.diagnostics
    if findings.has_errors:
        return
    network = network._replace(block=network.block._replace(expect=expect))
    shaped = infer(network, findings, arguments, uses=uses)
    if shaped is not None:
        findings.extend(finding for check in CHECKS for finding in check(shaped))
    for error in findings.diagnostics:
        if error.severity is Severity.ERROR:
            message = f"the alternative `{name}` does not compile: {error.message}"
            labels = [
                Label(entry.span, f"sets `{entry.text}`") for entry, _ in alternative.set.entries
            ]
            labels += [Label(error.span, error.caption or "this fails then"), *error.labels]
            help = "give it other values, or remove it"
            yield ALTERNATIVE_FAILS.at(place, message, labels=labels, help=help)
