"""Values: what the terms of a block come to in one use of it, and what is said where they come to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from archgen.diagnostics import Diagnostic, Findings, Label
from archgen.infer.frames import Frame
from archgen.infer.origins import told_of_values
from archgen.infer.scopes import Values, names_in, shape_scope
from archgen.ir.graph import Block, BlockCall, Expectation, Term
from archgen.ir.shaped import Expected
from archgen.ops.slots import SettingError
from archgen.ops.slots import describe as as_written
from archgen.rules import REQUIREMENT

_MISSING = object()


class Unknown(Exception):
    """A param has no value, which has been reported; the block it belongs to has no shape."""


class Evaluator:
    """Evaluates terms; what is found goes to `findings`, with the use of the block in which it applies."""

    def __init__(self, findings: Findings, *, is_tracing: bool = False) -> None:
        self.findings = findings
        self._is_tracing = is_tracing

    def arguments(
        self, block: Block, given: Mapping[str, object], frame: Frame
    ) -> dict[str, object]:
        """The params' values: what is given, else the default, which may use the params before it."""
        values: dict[str, object] = {}
        for name, param in block.params.items():
            if name in given:
                values[name] = given[name]
            elif param.default is not None:
                scope = {**shape_scope("in", frame.inputs, block.inputs), **values}
                values[name] = self.evaluate(name, param.default, scope, frame, _MISSING)
                if values[name] is _MISSING:
                    raise Unknown
        return values

    def require(self, block: Block, scope: Values, frame: Frame) -> None:
        """Reports the conditions of a block that its values do not meet."""
        for requirement in block.requires:
            if self.evaluate("require", requirement.term, scope, frame) is False:
                used = names_in(requirement.term)
                values = " and ".join(f"`{name}` is {as_written(scope[name])}" for name in used)
                message = f"`{block.name}` requires `{requirement.text}`"
                message += f", and {values}" if values else ""
                help = "give it other values, or change the requirement"
                finding = REQUIREMENT.at(requirement.term.span, message, help=help)
                self.report(told_of_values(frame, finding, requirement.term), frame)

    def settings(self, terms: Mapping[str, Term], scope: Values, frame: Frame) -> Values | None:
        """The values of settings; None where one has none, all of which are reported."""
        values = {
            name: self.evaluate(name, term, scope, frame, _MISSING) for name, term in terms.items()
        }
        return None if any(value is _MISSING for value in values.values()) else values

    def evaluate(
        self, name: str, term: Term, scope: Values, frame: Frame, otherwise: object = None
    ) -> object:
        """The value of a term; `otherwise`, with a finding, where it has none."""
        try:
            return term.evaluate(scope)
        except SettingError as error:
            finding = told_of_values(frame, error.diagnostic.naming(name), term)
            self.report(finding, frame)
            return otherwise

    def expected(
        self, lines: Iterable[Expectation], scope: Values, frame: Frame
    ) -> tuple[Expected, ...]:
        """What `expect` lines come to; nothing in a traced walk, which proves nothing."""
        if self._is_tracing:
            return ()

        def value(line: Expectation, term: Term | None) -> object:
            return None if term is None else self.evaluate(line.key, term, scope, frame)

        return tuple(
            Expected(
                line.key,
                line.span,
                value(line, line.exact),
                cast("int | None", value(line, line.minimum)),
                cast("int | None", value(line, line.maximum)),
            )
            for line in lines
        )

    def report(self, finding: Diagnostic, frame: Frame) -> None:
        """Takes a finding, and says in which use of its block it applies."""
        context = frame.context()
        self.findings.add(finding.with_notes(context) if context else finding)

    def label_since(self, since: int, label: Label) -> None:
        """Adds a place to what was found in an instance of a repeat, which the first did not have."""
        found = self.findings.diagnostics
        found[since:] = [f._replace(labels=(*f.labels, label)) for f in found[since:]]

    def label_declared(self, since: int, call: BlockCall) -> None:
        """Adds to refused arguments where their params are declared, as the first place to look at."""
        params = {term.span: call.block.params.get(name) for name, term in call.arguments.items()}
        found = self.findings.diagnostics
        for at in range(since, len(found)):
            if (param := params.get(found[at].span)) is not None:
                label = Label(param.span, f"`{param.name}` is declared here")
                found[at] = found[at]._replace(labels=(label, *found[at].labels))

    def note_repeats(self, since: int, number: int, same: int) -> None:
        """Says of findings in a folded run that its other instances have them too."""
        if same > 1:
            found = self.findings.diagnostics
            first, last = number + 1, number + same - 1
            others = f"repeat {last}" if first == last else f"repeats {first}..{last}"
            note = f"also in {others}"
            found[since:] = [finding.with_notes(note) for finding in found[since:]]
