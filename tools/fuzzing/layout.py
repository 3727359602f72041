"""Sound specs laid out in odd ways: `archgen fmt` keeps meaning and comments, and has nothing left to do.

Half of the cases print the nodes of a spec anew, with indentation, brackets, quotes, comments and
blank lines at random; the other half are texts of the target `bytes`, as far as they are sound YAML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from time import process_time

from archgen.diagnostics import Findings, SpecError
from archgen.formatting import formatted
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, parse
from archgen.spec.files import SpecText
from tools.fuzzing import bytes as random_bytes
from tools.fuzzing.corpus import corpus, specs
from tools.fuzzing.outcome import Failure, Outcome

NAME = "layout"
BATCH = 2_000
PATIENCE = 30.0


def run(seeds: range) -> Iterator[Outcome]:
    """One outcome a seed."""
    for seed in seeds:
        began = process_time()
        text, count = _case(seed)
        try:
            came, problem = _judged(text, count)
        except Exception as error:  # noqa: BLE001  # the promise is that there is none
            came, problem = "exception", f"{type(error).__name__}: {error}"
        failure = Failure(problem, text) if problem else None
        yield Outcome(seed, process_time() - began, failure, came)


def text_of(seed: int) -> str:
    """The case as text."""
    return _case(seed)[0]


def show(seed: int) -> str:
    """The case and its normal form."""
    text = text_of(seed)
    try:
        return f"{text}\n--- its normal form\n{formatted(SpecText('fuzz.yaml', text))}"
    except SpecError as error:
        return f"{text}\n--- {error}"


def _judged(text: str, count: int) -> tuple[str, str]:
    """What came of a case, and what is wrong with that; `count` comments must be left of it."""
    try:
        once = formatted(SpecText("fuzz.yaml", text))
    except SpecError:
        return "no sound YAML", "the layout broke it" if count >= 0 else ""
    twice = formatted(SpecText("fuzz.yaml", once))
    if twice != once:
        return "formatted", f"a second run changes it again:\n{once}\n--- again\n{twice}"
    if count >= 0 and once.count("# remark") != count:
        return "formatted", "comments are lost"
    return "as it was" if once == text else "formatted", ""


def _case(seed: int) -> tuple[str, int]:
    """The text of a seed, and how many comments are in it, -1 where nobody knows."""
    random = Random(seed)
    if random.random() < 0.5:
        return random_bytes.case(seed).decode("utf-8", "replace"), -1
    data = random.choice(specs() if random.random() < 0.03 else corpus())
    source = data.decode("utf-8", "replace")
    node = parse(source, "", findings := Findings())
    if findings.diagnostics or not isinstance(node, MappingNode):
        return source, -1
    writer = _Writer(random)
    text = "\n".join(writer.block(node, 0)) + random.choice(("", "\n", "\n\n\n"))
    return text, text.count("# remark")


class _Writer:
    """Writes nodes as no person would, and as YAML allows."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._step = random.choice((1, 2, 2, 3, 4, 8))
        self._noise = random.choice((0.0, 0.1, 0.3))
        self._flow = random.choice((0.0, 0.3, 0.8))

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance

    def _space(self) -> str:
        return " " * self._random.choice((1, 1, 1, 2, 5))

    def _aside(self) -> str:
        """A comment behind something, at times."""
        return (
            f"{self._space()}# remark {self._random.randrange(99)}"
            if self._happens(self._noise)
            else ""
        )

    def _above(self, indent: int) -> Iterator[str]:
        while self._happens(self._noise):
            margin = " " * self._random.choice((0, indent, indent + 1))
            yield self._random.choice(("", f"{margin}# remark", f"{margin}#", "  "))

    def block(self, node: Node, indent: int) -> Iterator[str]:
        """A collection on lines of its own."""
        pad = " " * indent
        if isinstance(node, MappingNode):
            entries = [(f"{self.scalar(key, in_flow=True)}:", value) for key, value in node.entries]
        else:
            assert isinstance(node, SequenceNode)
            entries = [("-", value) for value in node.items]
        for head, value in entries:
            yield from self._above(indent)
            yield from self._value(pad + head, value, indent)
        yield from self._above(indent)

    def _value(self, head: str, value: Node, indent: int) -> Iterator[str]:
        if isinstance(value, ScalarNode):
            yield f"{head}{self._space()}{self.scalar(value, in_flow=False)}{self._aside()}"
        elif self._is_empty(value) or self._happens(self._flow):
            text = self.flow(value, indent + 1)
            yield f"{head}{self._space()}{text}{self._aside()}"
        else:
            yield f"{head}{self._aside()}"
            yield from self.block(value, indent + self._step)

    def _is_empty(self, node: Node) -> bool:
        return not (node.entries if isinstance(node, MappingNode) else getattr(node, "items", ()))

    def flow(self, node: Node, indent: int) -> str:
        """A node in brackets, over several lines at times."""
        if isinstance(node, ScalarNode):
            return self.scalar(node, in_flow=True)
        if isinstance(node, MappingNode):
            parts = [
                f"{self.scalar(key, in_flow=True)}:{self._space()}{self.flow(value, indent)}"
                for key, value in node.entries
            ]
        else:
            parts = [self.flow(item, indent) for item in node.items]
        inner = f"{self._between(indent)},{self._between(indent)}".join(parts)
        brackets = "{}" if isinstance(node, MappingNode) else "[]"
        return f"{brackets[0]}{self._between(indent)}{inner}{self._between(indent)}{brackets[1]}"

    def _between(self, indent: int) -> str:
        if not self._happens(self._noise):
            return " " * self._random.choice((0, 0, 1))
        return f"{self._aside()}\n{' ' * indent}"

    def scalar(self, node: ScalarNode, *, in_flow: bool) -> str:
        """A scalar that is read as the same value."""
        text = node.text
        if not isinstance(node.value, str):
            return text or ("null" if in_flow else "")
        is_safe = text.replace("_", "").replace(".", "").isalnum() and text.isascii()
        if is_safe and self._happens(0.7) and isinstance(node.value, str):
            return text if text[0].isalpha() else json.dumps(text)
        if self._happens(0.3) and text.isprintable():
            return "'" + text.replace("'", "''") + "'"
        return json.dumps(text, ensure_ascii=True)
