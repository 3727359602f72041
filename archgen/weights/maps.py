"""Weight maps: which layer of a checkpoint is which of a network, as data that people review.

archgen: 1
weights:
  network: inception_v4_tf
  code: timm inception_v4
  layers:
    stem.conv{,.norm}: features.0.{conv,bn}
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from archgen.diagnostics import (
    Diagnostic,
    Findings,
    Label,
    Span,
    did_you_mean,
    suggest,
)
from archgen.rules import (
    BAD_MAP,
    MAPPED_TWICE,
    MISSING_KEY,
    UNKNOWN_LAYER,
    UNMAPPED_LAYER,
    WRONG_TYPE,
)
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode
from archgen.spec.files import SpecText, start_of
from archgen.spec.loader import read_document
from archgen.spec.mappings import unknown_key
from archgen.weights.dialects import DIALECTS, TORCH, Dialect
from archgen.weights.folding import Line, folded
from archgen.weights.leaves import Leaf
from archgen.weights.patterns import PatternError, expanded, expanded_together

FILE_KEYS = ("archgen", "name", "note", "source", "weights")
KEYS = (
    *("network", "code", "names", "layers", "without", "background", "split", "factors", "shared"),
    *("ignore", "norms"),
)
GAMMA, BETA, COUNT_WORD = "gamma", "beta", "count"
WITHOUT = (GAMMA, BETA, COUNT_WORD)
NORMS = ("no_gamma", "no_beta")
_PLAIN = re.compile(r"[A-Za-z_][\w./{}, -]*[\w}]|[A-Za-z_]")
_SIDES = re.compile(r"(1x){0,7}C(x1){0,7}")
_NOWHERE = start_of("")  # of a map that was found, not read


class LayerLine(NamedTuple):
    """One layer of ours and the layer of theirs that it is, and where a file says so."""

    ours: str
    theirs: str
    span: Span = _NOWHERE


class WeightMap(NamedTuple):
    """Which layer is which, and the named steps from their tensors to ours.

    `without` says what norms of theirs lack: `gamma` (ours are ones), `beta` and `count` (ours are zero).
    `norms` says which of gamma and beta a norm of three tensors has, in files that do not: `no_gamma`.
    `background` lists layers of ours whose counterparts have one class more, their first. `split`
    gives the layers of ours that are, row by row, one of theirs. `factors` are the last words of tensors
    that belong to no layer there, with their sides, `Cx1x1`. `shared` are layers of theirs that stand in a
    file once more, with the first. `ignore` names tensors that are no part of the network. `place` is where
    a file names the network.
    """

    network: str
    code: str
    dialect: Dialect
    layers: tuple[LayerLine, ...]
    without: tuple[str, ...] = ()
    background: tuple[str, ...] = ()
    split: tuple[tuple[str, tuple[str, ...]], ...] = ()
    factors: tuple[tuple[str, str], ...] = ()
    shared: tuple[tuple[str, str], ...] = ()
    ignore: tuple[str, ...] = ()
    norms: str = ""
    place: Span = _NOWHERE

    def steps(self) -> tuple[str, ...]:
        """What else happens to tensors than that they get another name, each in words."""
        words = []
        if self.dialect is not TORCH:
            words.append(f"kernels are turned from the order of {self.dialect.name} to torch's")
        if GAMMA in self.without:
            words.append("norms have no gamma there: ours are ones")
        if BETA in self.without:
            words.append("norms have no beta there: ours are zeros")
        if COUNT_WORD in self.without:
            words.append("norms count no batches there: ours begin at zero")
        words += [
            f"`{layer}` leaves out their first class, the background" for layer in self.background
        ]
        words += [f"`{theirs}` is split into {', '.join(ours)}" for theirs, ours in self.split]
        words += [
            f"`{name}` is a tensor of no layer there, of {sides}: the factors of a scale"
            for name, sides in self.factors
        ]
        if self.shared:
            lines = (f"`{again}` is `{first}`" for again, first in folded(self.shared))
            words.append(f"layers stand there under a second name, too: {', '.join(lines)}")
        return tuple(words)


def same_names(network: str, leaves: Iterable[Leaf]) -> WeightMap:
    """The map of a network to itself."""
    lines = tuple(LayerLine(leaf.path, leaf.path) for leaf in leaves)
    return WeightMap(network, "", TORCH, lines)


def map_text(found: WeightMap) -> str:
    """The map as a file."""
    lines = ["archgen: 1", "weights:", f"  network: {_quoted(found.network)}"]
    if found.code:
        lines.append(f"  code: {_quoted(found.code)}")
    if found.dialect is not TORCH:
        lines.append(f"  names: {found.dialect.name}")
    if found.norms:
        lines.append(f"  norms: {found.norms}")
    for key in ("without", "background", "ignore"):
        if words := getattr(found, key):
            lines += [f"  {key}:", *(f"    - {_quoted(word)}" for word in words)]
    if found.split:
        lines.append("  split:")
    for theirs, ours in found.split:
        lines += [f"    {_quoted(theirs)}:", *(f"      - {_quoted(layer)}" for layer in ours)]
    for key, pairs in (("factors", found.factors), ("shared", folded(found.shared))):
        lines += [f"  {key}:"] if pairs else []
        lines += [f"    {_quoted(left)}: {_quoted(right)}" for left, right in pairs]
    lines.append("  layers:" if found.layers else "  layers: {}")
    lines += [f"    {_quoted(line.ours)}: {_quoted(line.theirs)}" for line in _folded(found)]
    return "\n".join(lines) + "\n"


def _folded(found: WeightMap) -> list[Line]:
    return folded((line.ours, line.theirs) for line in found.layers)


def _quoted(text: str) -> str:
    """A YAML scalar; plain where nothing in it could be read as anything else."""
    return (
        text
        if _PLAIN.fullmatch(text) and text not in ("true", "false", "null")
        else json.dumps(text)
    )


# --------------------------------------------------------------------------------------- reading


def read_map(text: SpecText, findings: Findings) -> WeightMap | None:
    """The map in a file; None, with findings, where it is not one."""
    root = read_document(text, ("weights",), findings)
    if root is None:
        return None
    findings.extend(
        unknown_key(key, "a weight map", list(FILE_KEYS))
        for key, _ in root.entries
        if key.text not in FILE_KEYS
    )
    body = root.get("weights")
    if not isinstance(body, MappingNode):
        assert body is not None
        findings.add(WRONG_TYPE.at(body.span, "`weights` takes a mapping of its keys"))
        return None
    return _Reader(body, findings).read()


class _Reader:
    """Reads what is under `weights`, and collects what is wrong with it."""

    def __init__(self, body: MappingNode, findings: Findings) -> None:
        self._body = body
        self._findings = findings

    def read(self) -> WeightMap | None:
        before = len(self._findings.diagnostics)
        for key, _ in self._body.entries:
            if key.text not in KEYS:
                self._findings.add(unknown_key(key, "`weights`", list(KEYS)))
        for needed in ("network", "layers"):
            if self._body.get(needed) is None:
                self._miss(needed)
        made = WeightMap(
            self._word("network"),
            self._word("code"),
            self._dialect(),
            tuple(self._lines("layers", "`ours: theirs`")),
            tuple(self._without()),
            tuple(name for name, _ in self._names("background")),
            tuple(self._split()),
            tuple(self._factors()),
            tuple((again, first) for again, first, _ in self._lines("shared", "`again: first`")),
            tuple(name for name, _ in self._names("ignore")),
            self._one_of("norms", NORMS),
            self._place(),
        )
        return made if len(self._findings.diagnostics) == before else None

    def _place(self) -> Span:
        node = self._body.get("network")
        return self._body.span if node is None else node.span

    def _miss(self, key: str) -> None:
        place = self._body.entries[0][0].span if self._body.entries else self._body.span
        message = f"the key `{key}` is missing in `weights`"
        self._findings.add(MISSING_KEY.at(place, message, help=f"write `{key}: ...`"))

    def _refuse(self, node: Node, message: str, help: str = "") -> None:
        self._findings.add(BAD_MAP.at(node.span, message, help=help))

    def _word(self, key: str) -> str:
        node = self._body.get(key)
        if node is None:
            return ""
        if not isinstance(node, ScalarNode):
            self._findings.add(WRONG_TYPE.at(node.span, f"`{key}` takes a text"))
            return ""
        return node.text

    def _dialect(self) -> Dialect:
        return DIALECTS.get(self._one_of("names", DIALECTS), TORCH)

    def _one_of(self, key: str, legal: Collection[str]) -> str:
        """The word under a key that takes one of a few."""
        node, word = self._body.get(key), self._word(key)
        if word and word not in legal and node is not None:
            suggestion = suggest(word, legal)
            message, help = f"`{word}` is none of {', '.join(legal)}", suggestion.help("")
            self._findings.add(BAD_MAP.at(node.span, message, help=help, instead=suggestion))
        return word

    def _entries(self, name: str, help: str) -> Iterator[tuple[ScalarNode, Node]]:
        """What is written under a key that takes a mapping."""
        node = self._body.get(name)
        if isinstance(node, MappingNode):
            yield from node.entries
        elif node is not None:
            message = f"`{name}` takes a mapping of names"
            self._findings.add(WRONG_TYPE.at(node.span, message, help=help))

    def _lines(self, name: str, form: str) -> Iterator[LayerLine]:
        for key, value in self._entries(name, f"write a line for each: {form}"):
            if not isinstance(value, ScalarNode) or not value.text:
                self._refuse(value, f"`{key.text}` takes the name of a layer of theirs")
                continue
            try:
                for ours, theirs in expanded_together(key.text, value.text):
                    yield LayerLine(ours, theirs, key.span)
            except PatternError as error:
                help = "the n-th braces of both sides go together, word by word"
                self._refuse(key, str(error), help)

    def _names(self, key: str) -> Iterator[tuple[str, ScalarNode]]:
        """The names that a list under `key` means."""
        yield from self._listed(self._body.get(key), key)

    def _listed(self, node: Node | None, key: str) -> Iterator[tuple[str, ScalarNode]]:
        if node is None:
            return
        items = node.items if isinstance(node, SequenceNode) else (node,)
        for item in items:
            if not isinstance(item, ScalarNode):
                self._findings.add(WRONG_TYPE.at(item.span, f"`{key}` takes a list of names"))
                continue
            try:
                yield from ((name, item) for name in expanded(item.text))
            except PatternError as error:
                self._refuse(item, str(error))

    def _without(self) -> Iterator[str]:
        for name, node in self._names("without"):
            if name in WITHOUT:
                yield name
                continue
            near = did_you_mean(name, WITHOUT)
            help = f"did you mean `{near}`?" if near else ""
            self._refuse(node, f"`{name}` is none of {', '.join(WITHOUT)}", help)

    def _split(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for key, value in self._entries("split", "write `theirs: [ours, ours]`"):
            yield key.text, tuple(name for name, _ in self._listed(value, key.text))

    def _factors(self) -> Iterator[tuple[str, str]]:
        for key, value in self._entries("factors", "write `layer_scale: Cx1x1`"):
            if isinstance(value, ScalarNode) and _SIDES.fullmatch(value.text):
                yield key.text, value.text
            else:
                help = "write their sides, with `C` for the channels, as in `Cx1x1`"
                self._refuse(value, f"`{key.text}` takes the sides of factors", help)


# -------------------------------------------------------------------------------------- checking


def check_map(found: WeightMap, ours: Sequence[Leaf]) -> Iterator[Diagnostic]:
    """What is wrong with a map, beside the layers of its network."""
    place = found.place
    names = [leaf.path for leaf in ours]
    known = set(names)
    meant: set[str] = set()
    for span, unknown in _by_span(line for line in found.layers if line.ours not in known).items():
        near = [_near(layer, names) for layer in unknown]
        meant.update(name for name in near if name is not None)
        help = f"did you mean `{near[0]}`?" if near[0] else ""
        more = "" if len(unknown) == 1 else f", nor {len(unknown) - 1} more of this line"
        yield UNKNOWN_LAYER.at(span, f"the network has no layer `{unknown[0]}`{more}", help=help)
    yield from _twice(found)
    theirs = {line.theirs for line in found.layers}
    for again, first in found.shared:
        if first not in theirs:
            message = f"`{again}` is to be `{first}` once more, which no line of `layers` names"
            yield BAD_MAP.at(place, message)
    split = {layer for _, layers in found.split for layer in layers}
    for layer in sorted({*split, *found.background} - known):
        word = _near(layer, names)
        help = f"did you mean `{word}`?" if word else ""
        yield UNKNOWN_LAYER.at(place, f"the network has no layer `{layer}`", help=help)
    mapped = {line.ours for line in found.layers} | split | meant
    left = [leaf.path for leaf in ours if leaf.path not in mapped and not leaf.training_only]
    if left:
        message = f"{_counted(left)} of the network {'is' if len(left) == 1 else 'are'} not mapped"
        notes = [f"`{name}`" for name in left]
        help = f"add a line `{left[0]}: ...`"
        yield UNMAPPED_LAYER.at(place, message, notes=notes, help=help)


def _counted(names: Sequence[str]) -> str:
    return "1 layer" if len(names) == 1 else f"{len(names):,} layers"


def _by_span(lines: Iterable[LayerLine]) -> dict[Span, list[str]]:
    """The layers of ours that a line of the file names."""
    layers: dict[Span, list[str]] = {}
    for line in lines:
        layers.setdefault(line.span, []).append(line.ours)
    return layers


def _near(name: str, names: Sequence[str]) -> str | None:
    """The layer that is meant; of thousands, those that begin alike are looked at first."""
    return did_you_mean(name, sorted(names, key=lambda other: other[:4] != name[:4]))


def _twice(found: WeightMap) -> Iterator[Diagnostic]:
    for side in ("ours", "theirs"):
        seen: dict[str, LayerLine] = {}
        for line in found.layers:
            name = line.ours if side == "ours" else line.theirs
            if name in seen:
                whose = "of ours" if side == "ours" else "of theirs"
                message = f"the layer `{name}` {whose} is mapped twice"
                labels = [Label(seen[name].span, "first here")]
                help = "leave one of the lines out"
                yield MAPPED_TWICE.at(line.span, message, labels=labels, help=help)
            seen[name] = line
