"""Trials: a candidate is applied to the whole network, which is then inferred and checked once more.

The price of a trial is the steps that it looks at, and there is a budget for all of a file's trials.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from archgen.checks import CHECKS, WARNINGS, WRITTEN, acknowledge
from archgen.diagnostics import Diagnostic, Findings, Position
from archgen.errata import check_alternatives
from archgen.infer import Uses, infer
from archgen.ir.graph import Block, BlockCall, Graph, NetworkGraph, Node, OpCall
from archgen.ir.rewriting import replace_nodes
from archgen.ops.settings import settings_of
from archgen.ops.slots import SettingError, Slot
from archgen.repairs.candidates import Candidate
from archgen.resolve import Resolved
from archgen.resolve.params import INT, shape_names
from archgen.spec.document import parse

MAX_STEPS = 4_000
MAX_TRIALS = 24  # for one finding

Place: TypeAlias = "tuple[str, str, Position]"


def place_of(finding: Diagnostic) -> Place:
    """The rule and where it is broken; the numbers in a message may change."""
    return finding.span.source, finding.rule.code, finding.span.start


class Trials:
    """The trials of one file: its network, what is wrong with it, and what may still be spent."""

    def __init__(self, resolved: Resolved, before: Iterable[Diagnostic], steps: int) -> None:
        assert resolved.network is not None
        self._resolved = resolved
        self._network = resolved.network
        self._before = {place_of(finding) for finding in before}
        self._price = max(1, steps)
        self._budget = MAX_STEPS

    def mends(self, candidate: Candidate, finding: Diagnostic) -> bool:
        """Whether the edit ends the finding in every use of its block, and nothing new is found."""
        changed = _changed(candidate)
        if changed is None or not self.is_affordable:
            return False
        self._budget -= self._price
        after = self._places(replace_nodes(self._network, {id(candidate.node): changed}))
        return after is not None and place_of(finding) not in after and after <= self._before

    @property
    def is_affordable(self) -> bool:
        """Whether the budget has one more trial in it."""
        return self._budget >= self._price

    def _places(self, network: NetworkGraph) -> set[Place] | None:
        findings = Findings()
        uses: Uses = {}
        shaped = infer(network, findings, uses=uses)
        if shaped is None:
            return None
        findings.extend(finding for check in CHECKS for finding in check(shaped))
        edited = replace(self._resolved, network=network, blocks=self._blocks_of(network))
        warnings = [
            *(finding for check in WRITTEN for finding in check(edited)),
            *(finding for check in WARNINGS for finding in check(shaped)),
        ]
        findings.extend(acknowledge(warnings, edited.allowances).left)
        if not findings.has_errors:
            findings.extend(check_alternatives(edited, uses))
        return {place_of(finding) for finding in findings.diagnostics}

    def _blocks_of(self, network: NetworkGraph) -> dict[str, Block | None]:
        """The blocks of the file, those that the edit changed in their new form."""
        used = {block.span: block for block in _blocks_in(network.block.graph, set())}
        for head in network.heads:
            used.update({block.span: block for block in _blocks_in(head.graph, set())})
        return {
            name: used.get(block.span, block) if block is not None else None
            for name, block in self._resolved.blocks.items()
        }


def _blocks_in(graph: Graph, seen: set[int]) -> Iterator[Block]:
    for node in graph.walk():
        call = node.call
        if isinstance(call, BlockCall) and id(call.block) not in seen:
            seen.add(id(call.block))
            yield call.block
            yield from _blocks_in(call.block.graph, seen)


def _changed(candidate: Candidate) -> Node | None:
    """The step with its setting as the candidate writes it; None where the slot refuses that."""
    call, name = candidate.node.call, candidate.setting
    if isinstance(call, OpCall):
        slot: object = settings_of(call.op)[name].slot
    elif isinstance(call, BlockCall):
        slot = call.block.params[name].slot
    else:
        return None
    value = parse(candidate.text, candidate.node.span.source, Findings())
    if value is None or not isinstance(slot, Slot):
        return None
    block = candidate.block
    params = {key: p.slot for key, p in block.params.items() if isinstance(p.slot, Slot)}
    names = {**shape_names("in", block.inputs), **shape_names("here"), **params}
    if candidate.node.repeat is not None:
        names["i"] = INT
    try:
        term = slot.read(value, names)
    except SettingError:
        return None
    if isinstance(call, OpCall):
        settings = {**call.settings, name: term}
        return replace(candidate.node, call=call._replace(settings=settings))
    return replace(candidate.node, call=call._replace(arguments={**call.arguments, name: term}))
