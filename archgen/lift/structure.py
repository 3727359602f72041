"""From a row of calls to a spec that a person would have written, on one screen.

calls --chained, merged--> steps --nested--> joins with branches --grouped--> modules
      --dissolved--> steps --with_names, defaults--> text --the normal form--> text
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from archgen.cost import Costs
from archgen.diagnostics import Severity
from archgen.formatting import formatted
from archgen.lift.blocks import with_blocks
from archgen.lift.calls import as_steps
from archgen.lift.classifier import with_classes
from archgen.lift.defaults import chosen_defaults, without_defaults
from archgen.lift.dense import chained
from archgen.lift.dissolving import dissolved
from archgen.lift.flat import INPUT, FlatNetwork
from archgen.lift.grouping import grouped
from archgen.lift.heads import Head, named, parted
from archgen.lift.merging import merged
from archgen.lift.names import legal_name
from archgen.lift.nesting import nested
from archgen.lift.paddings import settled
from archgen.lift.references import read_by_name, with_names
from archgen.lift.steps import Step, maker, walk
from archgen.lift.writing import Document, Output, written
from archgen.pipeline import check
from archgen.spec.files import SpecText


def spec_text(flat: FlatNetwork) -> str:
    """The text of a spec of the network, in its normal form; it checks without a warning."""
    document = _claiming(_short(_document(flat)))
    return formatted(SpecText(document.name, written(document)))


def _document(flat: FlatNetwork) -> Document:
    """The network as the parts of a spec, every setting written out."""
    steps, (main, *others) = as_steps(flat)
    calls, heads = parted(chained(steps), main, others)
    taps = {maker(head.source) for head in heads}
    modules = _modules(calls, INPUT, {maker(main), *taps})
    network, blocks = with_blocks(modules, {*read_by_name(modules, INPUT), *taps})
    network, params = with_classes(network, has_heads=bool(heads))
    network, names = with_names(network, INPUT, taps, is_network=True)
    return Document(
        name=legal_name(flat.name),
        source=flat.source,
        input=flat.input,
        params=params,
        blocks=tuple(replace(block, steps=with_names(block.steps, INPUT)[0]) for block in blocks),
        network=network,
        outputs=tuple(_output(head, names[maker(head.source)]) for head in named(heads, network)),
    )


def _modules(steps: tuple[Step, ...], source: str, outputs: Collection[str]) -> tuple[Step, ...]:
    """Calls behind `source` as steps in the modules that called them; `outputs` are read from outside."""
    return grouped(nested(merged(steps, outputs), source, outputs), outputs)


def _output(head: Head, source: str) -> Output:
    steps = dissolved(_modules(head.steps, maker(head.source), {head.value}))
    return Output(head.name, source, with_names(steps, head.source)[0])


def _short(document: Document) -> Document:
    """The document without what its `defaults:` say, and those."""
    settled_lists = [*map(settled, _lists(document))]
    defaults = chosen_defaults(step for steps in settled_lists for step in walk(steps))
    short = iter([without_defaults(steps, defaults, document.blocks) for steps in settled_lists])
    return replace(
        document,
        defaults=defaults,
        blocks=tuple(replace(block, steps=next(short)) for block in document.blocks),
        network=next(short),
        outputs=tuple(replace(output, steps=next(short)) for output in document.outputs),
    )


def _lists(document: Document) -> Iterator[tuple[Step, ...]]:
    yield from (block.steps for block in document.blocks)
    yield document.network
    yield from (output.steps for output in document.outputs)


def _claiming(document: Document) -> Document:
    """The document with what it costs, and with the warnings that it acknowledges."""
    found = check(SpecText(document.name, formatted(SpecText(document.name, written(document)))))
    cost = Costs().network(found.sound_network()).cost
    expect = {"params": cost.params, "macs": cost.macs}
    warnings = {d.rule.code for d in found.diagnostics if d.severity is Severity.WARNING}
    return replace(document, expect=expect, allow=tuple(sorted(warnings)))
