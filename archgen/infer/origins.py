"""Origins: where values were written, followed through the uses of blocks that handed them on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from archgen.diagnostics import Diagnostic, Label, Span
from archgen.infer.frames import Frame
from archgen.infer.scopes import names_in
from archgen.ir.graph import BlockCall, Term
from archgen.ir.op import Op
from archgen.ops.settings import settings_of
from archgen.ops.slots import describe as as_written

_MOST_LABELS = 6


class _Origin(NamedTuple):
    """A place that gave a param its value; not `given` where that is the param's own default."""

    name: str
    value: object
    term: Term
    is_given: bool


def told_of_values(frame: Frame, finding: Diagnostic, *terms: Term) -> Diagnostic:
    """A finding about values, with the places that gave the params in them theirs."""
    origins = (origin for term in terms for origin in _origins_of(frame, term))
    return _labelled(finding, origins, terms)


def told_of_settings(
    frame: Frame, finding: Diagnostic, op: Op, settings: Mapping[str, Term], names: Iterable[str]
) -> Diagnostic:
    """A finding about some settings of a step, with the places that gave the params in them theirs.

    What nobody gave, and leaves the op as it is by itself, such as a stride of 1, explains nothing.
    """
    known = settings_of(type(op))
    blamed = {name: settings[name] for name in names if name in settings}
    origins = (
        origin
        for name, term in blamed.items()
        for origin in _origins_of(frame, term)
        if origin.is_given or getattr(op, name) != known[name].default
    )
    return _labelled(finding, origins, blamed.values())


def _labelled(finding: Diagnostic, origins: Iterable[_Origin], terms: Iterable[Term]) -> Diagnostic:
    told = {finding.span, *(label.span for label in finding.labels), *(t.span for t in terms)}
    labels: dict[Span, Label] = {}
    for name, value, term, _ in origins:
        if term.span not in told:
            label = Label(term.span, f"`{name}` is {as_written(value)}")
            labels.setdefault(term.span, label)
    return finding._replace(labels=(*finding.labels, *islice(labels.values(), _MOST_LABELS)))


def _origins_of(frame: Frame, term: Term) -> Iterator[_Origin]:
    for name in names_in(term):
        yield from _origins(frame, name)


def _origins(frame: Frame, name: str) -> Iterator[_Origin]:
    """Where a param got its value, from the use of its block outwards; what hands on is passed over."""
    if name not in frame.block.params or name not in frame.arguments:
        return
    value, call = frame.arguments[name], frame.call.call if frame.call is not None else None
    term = call.arguments.get(name) if isinstance(call, BlockCall) else None
    if term is None or frame.caller is None:
        default = frame.block.params[name].default
        if default is not None:
            yield _Origin(name, value, default, is_given=False)
        return
    names = names_in(term)
    outer = [frame.caller.arguments.get(other) for other in names]
    if outer != [value]:
        yield _Origin(name, value, term, is_given=True)
    for other in names:
        yield from _origins(frame.caller, other)
