"""Valid specs with one to three tokens broken.

One mistake is found where it is, and nothing that follows from it; several end in findings all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from random import Random
from time import process_time
from typing import NamedTuple

from archgen.diagnostics import Diagnostic, Findings
from archgen.pipeline import check
from archgen.rules import ALTERNATIVE_FAILS, BUDGET, EXPECTATION
from archgen.spec.document import parse, plain
from archgen.spec.files import SpecText
from tools.fuzzing.breaking import Edit, broken, broken_often
from tools.fuzzing.generate import network
from tools.fuzzing.outcome import Failure, Outcome
from tools.fuzzing.plan import spec_text
from tools.fuzzing.promises import ROOT, SPECS, Checked, checked

NAME = "edits"
BATCH = 1_000
PATIENCE = 120.0  # on a machine that others use too
MADE_UP = 400  # random networks among the specs that have several tokens broken
SEVERAL = 2  # one case in so many has two or three tokens broken

# what a sound edit far away makes of a sum: no line of the file is to blame more than others
FAR = (EXPECTATION, BUDGET)


class Spec(NamedTuple):
    """A sound spec: its name below `specs/`, its text, and how often it is chosen."""

    name: str
    text: str
    weight: float


@cache
def specs() -> tuple[Spec, ...]:
    """Mostly examples of a few lines; the large specs make up a few percent."""
    examples = sorted((ROOT / "archgen" / "explanations").glob("*/passes.yaml"))
    small = [("fuzz.yaml", path.read_text(), 1.0) for path in examples]
    families = ("reduction_a", "stems", "resnet_152", "inception_resnet_mini")
    large = [
        (str(path.relative_to(SPECS)), path.read_text(), 4.0 if path.stem in families else 0.4)
        for path in sorted(SPECS.rglob("*.yaml"))
        if path.parent.name not in ("recipes", "weights")
    ]
    return tuple(Spec(*each) for each in (*small, *large) if _is_sound(*each))


def _is_sound(name: str, text: str, _weight: float) -> bool:
    found = check(SpecText(name, text, SPECS / name)).diagnostics
    return not any(finding.severity == "error" for finding in found)


def case(seed: int) -> tuple[Spec, Edit]:
    """The spec and the edit of a seed."""
    random = Random(seed)
    spec = random.choices(specs(), [spec.weight for spec in specs()])[0]
    if seed % SEVERAL == 0:
        if random.random() < 0.5:
            spec = Spec("fuzz.yaml", spec_text(network(random.randrange(MADE_UP))), 1.0)
        return spec, broken_often(random, spec.text, random.choice((2, 2, 3)))
    return spec, broken(random, spec.text)


def run(seeds: range) -> Iterator[Outcome]:
    """One outcome a seed."""
    for seed in seeds:
        began = process_time()
        spec, edit = case(seed)
        try:
            result = checked(edit.text.encode(), spec.name)
            came, problem = _judged(spec, edit, result)
            problem = result.broken or problem
        except Exception as error:  # noqa: BLE001  # the promise is that there is none
            came, problem = "exception", f"{type(error).__name__}: {error}"
        failure = Failure(f"{edit.kind}: {problem}", _told(spec, edit)) if problem else None
        kind = edit.kind if edit.tokens == 1 else f"{edit.tokens} tokens"
        yield Outcome(seed, process_time() - began, failure, f"{kind}: {came}")


def text_of(seed: int) -> str:
    """The edited spec."""
    return case(seed)[1].text


def show(seed: int) -> str:
    """The edited lines and what is found."""
    spec, edit = case(seed)
    result = checked(edit.text.encode(), spec.name)
    from archgen.cli.reporters import full

    return "\n".join([_told(spec, edit), *full(result.diagnostics, result.sources)])


def _told(spec: Spec, edit: Edit) -> str:
    old, new = spec.text.split("\n"), edit.text.split("\n")
    rows = [f"{spec.name}: {edit.kind}, {' -> '.join(map(repr, edit.words))}"]
    for line in sorted(edit.lines)[:6]:
        rows += [f"  was {line}: {''.join(old[line - 1 : line])}"]
        rows += [f"  now {line}: {''.join(new[line - 1 : line])}"]
    return "\n".join([*rows, "", edit.text])


def _judged(spec: Spec, edit: Edit, result: Checked) -> tuple[str, str]:
    """What came of an edit in a word, and what is wrong with that; empty where nothing is."""
    errors = result.errors
    if edit.tokens > 1:
        return ("errors" if errors else "another network"), ""
    if not errors:
        if _means_the_same(spec.text, edit.text):
            return "the same", ""
        if edit.is_typo and edit.is_known_key:
            return "accepted", "a misspelt key is accepted"
        return "another network", ""
    if edit.is_typo and len(errors) > 1:
        return "several errors", f"{len(errors)} errors for one typo: {result.codes}"
    if all(map(_is_total, errors)):
        return "a total", ""
    if not any(names(found, edit) for found in errors):
        return "elsewhere", f"no error names the edited line: {result.codes}"
    return "an error", ""


def _is_total(found: Diagnostic) -> bool:
    """Whether a finding is of a sum, of the network's own or of an alternative to it."""
    sums = ("`params` should be", "`macs` should be")
    is_alternative = found.rule is ALTERNATIVE_FAILS and any(text in found.message for text in sums)
    return found.rule in FAR or is_alternative


def _means_the_same(old: str, new: str) -> bool:
    before, after = parse(old, "", Findings()), parse(new, "", Findings())
    assert before is not None
    assert after is not None
    return plain(before) == plain(after)


def names(found: Diagnostic, edit: Edit) -> bool:
    """Whether a finding stands on an edited line, points there, or names what was edited.

    Of a line that is gone or stands elsewhere, any word is named that only the user's file knows; and
    the neighbours of lines that moved count, as the keys that lost what they held. The derivation of
    a size names what it follows from: `takes 3 x 298 x 298` the input's grid, `384 (pool)` a branch.
    """
    spans = (found.span, *(label.span for label in found.labels))
    if any(span.start.line in edit.lines for span in spans):
        return True
    texts = (found.message, found.caption, found.help, *found.notes, *(t for _, t in found.labels))
    named = [f"`{of}{word}" for word in edit.words if word for of in ("", "in.")] + [
        place for n in edit.lines for place in (f"at line {n}", f"(line {n})")
    ]
    named += edit.derived
    return any(name in text for name in named for text in texts)
