"""Views of broken specs, and of random networks: each can be diffed with another, both ways, and drawn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from time import process_time
from typing import NamedTuple

from archgen.diff import compare
from archgen.diff.alone import lone_document, lone_markdown
from archgen.diff.document import difference_document
from archgen.diff.markdown import difference_markdown
from archgen.diff.text import difference_text
from archgen.ir.shaped import ShapedNetwork
from archgen.pipeline import Compilation, check
from archgen.render.dot import dot_text
from archgen.render.drafting import Drafter, uses
from archgen.render.mermaid import mermaid_text
from archgen.render.model_explorer import model_explorer_document
from archgen.render.outline import outline
from archgen.render.steps import steps, steps_document, steps_text
from archgen.render.styles import STYLES
from archgen.render.summary import summary_table
from archgen.spec.files import SpecText
from tools.fuzzing import edits
from tools.fuzzing.generate import network
from tools.fuzzing.outcome import Failure, Outcome
from tools.fuzzing.plan import spec_text
from tools.fuzzing.promises import SPECS

NAME = "views"
BATCH = 500
PATIENCE = 120.0
NAMES = ("a.yaml", "b.yaml")
MOST_PLACES = 5  # blocks that are drawn of one network
EVERY = 4  # one case in so many is of random networks


class Case(NamedTuple):
    """Two texts that stand for one file of `specs/`, and what is between them."""

    what: str
    name: str
    before: str
    after: str


def case(seed: int) -> Case:
    """A valid spec and the same with tokens broken, or two random networks."""
    if seed % EVERY == 0:
        texts = (spec_text(network(number)) for number in (seed, seed + 1))
        return Case("networks", NAMES[0], *texts)
    spec, edit = edits.case(seed)
    return Case(edit.kind, spec.name, spec.text, edit.text)


def run(seeds: range) -> Iterator[Outcome]:
    """One outcome a seed: the first view that ends in an exception is its failure."""
    for seed in seeds:
        began = process_time()
        what, name, before, after = case(seed)
        sides = compiled(name, before), compiled(name, after)
        came = "a network" if sides[1].network else "no network"
        failed = next(problems(*sides), "")
        failure = Failure(f"{what}: {failed}", f"{name}\n\n{after}") if failed else None
        yield Outcome(seed, process_time() - began, failure, f"{what}: {came}")


def text_of(seed: int) -> str:
    """The second text of a seed."""
    return case(seed).after


def show(seed: int) -> str:
    """Both texts, and the views that fail."""
    what, name, before, after = case(seed)
    found = problems(compiled(name, before), compiled(name, after))
    return "\n".join([f"{name}: {what}", before, after, *found])


@lru_cache(maxsize=64)  # many cases begin with the same specs
def compiled(name: str, text: str) -> Compilation:
    """A text that stands for a file of `specs/`."""
    return check(SpecText(name, text, SPECS / name))


def problems(sound: Compilation, broken: Compilation) -> Iterator[str]:
    """The views that ended in an exception."""
    for name, view in views(sound, broken):
        try:
            view()
        except Exception as error:  # noqa: BLE001  # the promise is that there is none
            yield f"{name}: {type(error).__name__}: {error}"


def views(sound: Compilation, broken: Compilation) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each view with its name; a network that could not be read at all is on neither side."""
    for way, sides in (("to", (sound, broken)), ("from", (broken, sound))):
        yield f"diff {way} it", partial(diffed, sides)
    if broken.network is not None:
        yield "pictures", partial(drawn, broken)
        yield "summary", partial(summed, broken)
        yield "steps", partial(listed, broken)


def diffed(sides: tuple[Compilation, Compilation]) -> None:
    """The difference, or the one side that there is, as text, Markdown and JSON."""
    findings = sides[0].diagnostics, sides[1].diagnostics
    networks = sides[0].network, sides[1].network
    if networks[0] is None or networks[1] is None:
        lone_markdown(networks, NAMES, findings)
        json.dumps(lone_document(networks, NAMES, findings))
        return
    difference = compare(networks[0], networks[1], findings)
    list(difference_text(difference, NAMES, 100, is_full=True))
    difference_markdown(difference, NAMES)
    json.dumps(difference_document(difference, NAMES))


def drawn(broken: Compilation) -> None:
    """The overview and the first blocks, as DOT and Mermaid, and the graph for Model Explorer."""
    network, style = _network(broken), STYLES["paper"]
    drafter = Drafter(network, broken.diagnostics)
    found = list(uses(network))[:MOST_PLACES]
    blocks = [drafter.block(use.block, use.path, use.start) for use in found]
    for drawing in (drafter.overview(), drafter.overview(2), *blocks):
        dot_text(drawing, style)
        mermaid_text(drawing, style)
    json.dumps(model_explorer_document(network, broken.diagnostics))


def summed(broken: Compilation) -> None:
    """The table of steps."""
    list(summary_table(outline(_network(broken), 2, broken.diagnostics), {}))


def listed(broken: Compilation) -> None:
    """Every step with its settings, as text and JSON."""
    network = steps(_network(broken))
    list(steps_text(network))
    json.dumps(steps_document(network))


def _network(compilation: Compilation) -> ShapedNetwork:
    assert compilation.network is not None, "nobody asks for a view of nothing"
    return compilation.network
