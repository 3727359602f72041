"""Whatever a file calls its layers and however it lists them: pairs that are certain are the true ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from archgen.weights.dialects import TORCH, their_leaves
from archgen.weights.leaves import Extents, Leaf
from archgen.weights.pairing import Order, Pairing, paired
from archgen.weights.structure import Structure, structure_of
from tests.compiling import network_of

HEAD = """\
archgen: 1
name: net
input: {channels: 4, grid: 32}
defaults: {conv: {padding: same, norm: batch, act: relu, bias: false}}
"""
CHAIN = """\
network:
  - conv: {filters: 8, kernel: 3}
  - conv: {filters: 8, kernel: 3}
  - conv: {filters: 8, kernel: 3}
  - conv: {filters: 8, kernel: 3}
  - global_avg_pool
  - linear: {features: 5}
"""
UNITS = """\
blocks:
  unit:
    params: {filters: int, stride: {type: int, default: 1}}
    body:
      - residual:
          act: relu
          shortcut:
            - conv: {filters: filters, kernel: 1, stride: stride, act: none}
              when: stride > 1 or in.channels != filters
          body:
            - conv: {filters: filters, kernel: 3, stride: stride, padding: 1}
            - conv: {filters: filters, kernel: 3, act: none}
"""
RESIDUAL = f"""\
{UNITS}
network:
  - conv: {{filters: 8, kernel: 3}}
  - unit: {{filters: 8}}
    repeat: 2
  - unit: {{filters: 8, stride: 2}}
    id: down
  - unit: {{filters: 8}}
    id: last
  - global_avg_pool
  - linear: {{features: 5}}
"""
STREAMS = f"""\
{UNITS}
network:
  - split: {{rgb: 2, depth: 2}}
  - conv: {{filters: 8, kernel: 3}}
    id: rgb_stem
    from: split.rgb
  - unit: {{filters: 8}}
    id: rgb
    repeat: 2
  - conv: {{filters: 8, kernel: 3}}
    id: depth_stem
    from: split.depth
  - unit: {{filters: 8}}
    id: depth
    repeat: 2
  - add: {{}}
    from: [rgb, depth]
  - global_avg_pool
  - linear: {{features: 5}}
"""
PYRAMID = """\
network:
  - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
    id: c2
  - conv: {filters: 16, kernel: 3, stride: 2, padding: 1}
    id: c3
  - conv: {filters: 32, kernel: 3, stride: 2, padding: 1}
    id: c4
  - conv: {filters: 8, kernel: 1}
    id: l4
  - upsample: 2
    id: u4
  - conv: {filters: 8, kernel: 1}
    id: l3
    from: c3
  - add: {}
    id: m3
    from: [l3, u4]
  - upsample: 2
    id: u3
  - conv: {filters: 8, kernel: 1}
    id: l2
    from: c2
  - add: {}
    id: m2
    from: [l2, u3]
  - conv: {filters: 8, kernel: 3}
    id: o2
  - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
    id: o3
    from: m3
  - add: {}
    from: [o2, m2]
  - global_avg_pool
  - linear: {features: 5}
"""
BRANCHES = """\
blocks:
  mixed:
    body:
      - concat:
          one: [{conv: {filters: 8, kernel: 1}}]
          two: [{conv: {filters: 8, kernel: 1}}, {conv: {filters: 8, kernel: 3}}]
          three:
            - conv: {filters: 8, kernel: 1}
            - conv: {filters: 8, kernel: 3}
            - conv: {filters: 8, kernel: 3}
          pool: [{max_pool: {kernel: 3, stride: 1, padding: same}}, {conv: {filters: 8, kernel: 1}}]
network:
  - conv: {filters: 32, kernel: 3}
  - mixed: {}
    repeat: 3
  - global_avg_pool
  - linear: {features: 5}
"""
DECODER = """\
network:
  - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
  - conv: {filters: 8, kernel: 3, stride: 2, padding: 1}
  - upsample: 2
  - conv: {filters: 8, kernel: 3}
  - upsample: 2
  - conv: {filters: 8, kernel: 3}
  - global_avg_pool
  - linear: {features: 5}
"""
NETWORKS = {
    "chain": CHAIN,
    "residual": RESIDUAL,
    "streams": STREAMS,
    "pyramid": PYRAMID,
    "branches": BRANCHES,
    "decoder": DECODER,
}
STRUCTURES = {name: structure_of(network_of(HEAD + text)) for name, text in NETWORKS.items()}
WORDS = (
    "amber birch cedar delta ember flint grove hazel iris jade kelp larch maple north opal".split()
)
ENDS = (("", ".bn"), (".conv", ".bn"), (".0", ".1"), ("", "_bn"), (".conv1", ".norm1"))


def comes_before(structure: Structure, one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether whoever writes a module has to write or number the first layers before the second."""
    return any(structure.counts_on(a, b) > 0 for a in one for b in other)


def shuffled(draw: random.Random, structure: Structure, groups: list[list[str]]) -> list[int]:
    """The numbers of groups of layers in an order in which they could be written or numbered."""
    left, order = list(range(len(groups))), []
    while left:
        free = [
            i
            for i in left
            if not any(comes_before(structure, groups[j], groups[i]) for j in left if j != i)
        ]
        order.append(draw.choice(free or left))
        left.remove(order[-1])
    return order


class Names:
    """Names of somebody else for the layers of a network, and the order in which a module has them."""

    def __init__(self, draw: random.Random, structure: Structure) -> None:
        self._draw = draw
        self._structure = structure
        self.of: dict[str, str] = {}
        self.listed: list[str] = []
        convs = [leaf.path for leaf in structure.root.leaves if not leaf.is_norm]
        self._name([(path, path.split(".")) for path in convs], "")

    def _name(self, rest: list[tuple[str, list[str]]], prefix: str) -> None:
        groups: dict[str, list[tuple[str, list[str]]]] = {}
        for path, segments in rest:
            groups.setdefault(segments[0], []).append((path, segments[1:]))
        names = list(groups)
        order = shuffled(self._draw, self._structure, [[p for p, _ in groups[n]] for n in names])
        style = self._draw.choice(("words", "numbers", "same", "layers"))
        words = self._draw.sample(WORDS, len(names))
        end = self._draw.choice(ENDS)
        written = self._draw.sample(range(len(order)), len(order)) if style == "words" else order
        if style == "words":
            written = shuffled(
                self._draw, self._structure, [[p for p, _ in groups[n]] for n in names]
            )
        for place, number in enumerate(written):
            name = names[number]
            is_counted = name.startswith(("conv", "linear", "unit"))
            new = {
                "words": words[number],
                "numbers": str(place),
                "layers": f"{words[0]}{place + 1}",
                "same": words[number] if is_counted else name,
            }[style]
            inner = groups[name]
            alone = [path for path, segments in inner if not segments]
            for path in alone:
                self._leaf(path, f"{prefix}{new}", end)
            if len(alone) < len(inner):
                self._name([one for one in inner if one[1]], f"{prefix}{new}.")

    def _leaf(self, path: str, name: str, end: tuple[str, str]) -> None:
        norm = f"{path}.norm"
        has_norm = any(leaf.path == norm for leaf in self._structure.root.leaves)
        self.of[path] = f"{name}{end[0]}" if has_norm else name
        self.listed.append(path)
        if has_norm:
            self.of[norm] = f"{name}{end[1]}"
            self.listed.append(norm)


def theirs_of(structure: Structure, names: Names) -> list[Leaf]:
    ours = {leaf.path: leaf for leaf in structure.root.leaves}
    shapes: dict[str, Extents] = {
        f"{names.of[path]}.{role}": tensor.shape
        for path in names.listed
        for role, tensor in ours[path].tensors.items()
    }
    return list(their_leaves(shapes, TORCH))


def false_pairs(pairing: Pairing, names: Names) -> list[tuple[str, str]]:
    return [
        (pair.ours.path, pair.theirs.path)
        for pair in pairing.pairs
        if names.of[pair.ours.path] != pair.theirs.path
    ]


@pytest.mark.parametrize("kind", NETWORKS)
@hypothesis_settings(deadline=None, max_examples=15)
@given(draw=st.randoms(use_true_random=False), is_sorted=st.booleans())
def test_what_is_paired_without_doubt_is_the_true_pairing(
    kind: str, draw: random.Random, is_sorted: bool
) -> None:
    structure = STRUCTURES[kind]
    names = Names(draw, structure)
    theirs = theirs_of(structure, names)
    if is_sorted:
        theirs.sort(key=lambda leaf: leaf.path)
    pairing = paired(structure, theirs, Order(is_kept=not is_sorted))
    assert not pairing.missing
    assert pairing.ambiguous or not false_pairs(pairing, names)


# ------------------------------------------------------------------------- what went wrong before


def renamed(text: str, names: dict[str, str], order: Sequence[str]) -> tuple[Pairing, set[str]]:
    """The pairing with a file of other names for layers, in an order; and our layers that are wrong."""
    structure = structure_of(network_of(text))
    ours = {leaf.path: leaf for leaf in structure.root.leaves}
    shapes = {
        f"{names[path]}.{role}": tensor.shape
        for path in order
        for role, tensor in ours[path].tensors.items()
    }
    pairing = paired(structure, their_leaves(shapes, TORCH))
    wrong = {p.ours.path for p in pairing.pairs if names[p.ours.path] != p.theirs.path}
    return pairing, wrong


@pytest.mark.parametrize("first", ["rgb", "depth"])
@pytest.mark.parametrize("form", ["encoder_{0}.", "encoder.{0}_"])
def test_equal_streams_are_paired_by_the_words_that_both_sides_use(first: str, form: str) -> None:
    """A module may define the streams in the other order than the spec."""
    structure = STRUCTURES["streams"]
    paths = [leaf.path for leaf in structure.root.leaves]
    names = {
        path: path.replace(f"{word}_stem", f"{form.format(word)}first").replace(
            f"{word}.", f"{form.format(word)}units."
        )
        for path in paths
        for word in [path[: path.index("b") + 1] if path.startswith("rgb") else "depth"]
    }
    order = sorted(paths, key=lambda path: (path == "linear", not path.startswith(first)))
    pairing, wrong = renamed(HEAD + STREAMS, names, order)
    assert not pairing.ambiguous
    assert not wrong


def test_equal_streams_without_a_word_in_common_are_ambiguous() -> None:
    paths = [leaf.path for leaf in STRUCTURES["streams"].root.leaves]
    names = {p: p.replace("rgb", "first").replace("depth", "second") for p in paths}
    pairing, _ = renamed(HEAD + STREAMS, names, paths)
    assert pairing.ambiguous


def test_numbers_of_a_pyramid_need_not_follow_the_flow_of_data() -> None:
    """Some call the coarsest level first, others the finest; only equal labels tell."""
    paths = [leaf.path for leaf in STRUCTURES["pyramid"].root.leaves]
    swapped = {"o2": "smooth.1", "o3": "smooth.0"}
    pairing, _ = renamed(HEAD + PYRAMID, {p: _renamed_head(p, swapped) for p in paths}, paths)
    assert {"o2", "o3"} <= {name for group in pairing.ambiguous for name in group.ours}
    labelled = {"o2": "fpn.o2", "o3": "fpn.o3"}
    order = [*(p for p in paths if p[:2] != "o2"), *(p for p in paths if p[:2] == "o2")]
    pairing, wrong = renamed(HEAD + PYRAMID, {p: _renamed_head(p, labelled) for p in paths}, order)
    assert not {"o2", "o3"} & {name for group in pairing.ambiguous for name in group.ours}
    assert not wrong


def _renamed_head(path: str, names: dict[str, str]) -> str:
    head, dot, rest = path.partition(".")
    return f"{names.get(head, head)}{dot}{rest}" if rest or head in names else f"x{path}"


def test_layers_that_are_only_counted_are_no_block() -> None:
    """`conv`, `conv_2`, `conv_3` together may hold what one block of ours holds, by chance."""
    text = HEAD + (
        "network:\n"
        "  - conv: {filters: 4, kernel: 1, norm: none}\n"
        "  - residual:\n"
        "      body:\n"
        "        - conv: {filters: 4, kernel: 1, norm: none}\n"
        "        - conv: {filters: 4, kernel: 1}\n"
        "        - conv: {filters: 4, kernel: 3}\n"
        "        - conv: {filters: 4, kernel: 1, norm: none}\n"
        "  - conv: {filters: 4, kernel: 1}\n"
        "  - conv: {filters: 4, kernel: 3}\n"
    )
    inner = {"conv_3": "b1.conv", "conv_4": "b1.conv_2", "conv_5": "b1.conv_3"}
    names = {**inner, "conv": "conv", "conv_2": "conv_2", "conv_6": "conv_3", "conv_7": "conv_4"}
    ours = [leaf.path for leaf in structure_of(network_of(text)).root.leaves]
    pairing, wrong = renamed(
        text,
        {
            path: names[path.removesuffix(".norm")] + path[len(path.removesuffix(".norm")) :]
            for path in ours
        },
        ours,
    )
    assert pairing.ambiguous or not wrong


def test_a_shortcut_that_holds_more_than_ours_is_not_ours() -> None:
    """Of two branches that are added, a library may call either the shortcut."""
    text = HEAD + (
        "network:\n"
        "  - conv: {filters: 8, kernel: 1}\n"
        "  - residual:\n"
        "      shortcut: [{conv: {filters: 8, kernel: 3}}, {conv: {filters: 8, kernel: 3}}]\n"
        "      body:\n"
        "        - conv: {filters: 8, kernel: 3}\n"
        "        - conv: {filters: 8, kernel: 3}\n"
        "        - conv: {filters: 8, kernel: 1}\n"
        "  - conv: {filters: 8, kernel: 1}\n"
    )
    ours = [leaf.path for leaf in structure_of(network_of(text)).root.leaves]
    heads = {
        "conv": "conv",
        "shortcut.conv": "left.conv",
        "shortcut.conv_2": "left.conv_2",
        "conv_2": "left.shortcut.conv",
        "conv_3": "left.shortcut.conv_2",
        "conv_4": "left.shortcut.conv_3",
        "conv_5": "left.conv_3",
    }
    names = {
        p: heads[p.removesuffix(".norm")] + (".norm" if p.endswith(".norm") else "") for p in ours
    }
    pairing, wrong = renamed(text, names, ours)
    assert pairing.ambiguous or not wrong


def test_layers_of_theirs_that_are_too_many_leave_none_certain() -> None:
    """With `--partial` a file may hold more than the network; which of them it is must be said."""
    names = [f"m.{number}" for number in range(70)]
    shapes: dict[str, Extents] = {}
    for name in names:
        shapes |= {f"{name}.weight": (8, 4, 1, 1), f"{name}.bias": (8,)}
    text = HEAD + "network: [{conv: {filters: 8, kernel: 1, norm: none, bias: true}}]\n"
    pairing = paired(structure_of(network_of(text)), their_leaves(shapes, TORCH))
    (group,) = pairing.ambiguous
    assert group.ours == ("conv",)
    assert len(group.theirs) > 60
