"""Which layer is which: found by structure where names say little."""

from __future__ import annotations

import pytest
from torch import nn

from archgen.weights.dialects import TORCH, their_leaves
from archgen.weights.leaves import Extents, Leaf, leaves_of
from archgen.weights.pairing import Pairing, paired
from archgen.weights.structure import structure_of
from tests.compiling import network_of
from tests.weights.conftest import SPEC

WANTED = {
    "conv": "stem",
    "conv.norm": "bn",
    **{
        f"unit.{i}.{ours}": f"blocks.{i}.{theirs}"
        for i in range(2)
        for ours, theirs in (
            ("wide.conv", "right.0"),
            ("wide.conv.norm", "right.1"),
            ("deep.conv", "left.0"),
            ("deep.conv.norm", "left.1"),
            ("deep.conv_2", "left.3"),
            ("deep.conv_2.norm", "left.4"),
        )
    },
    "linear": "fc",
}


def our_leaves() -> tuple[Leaf, ...]:
    return leaves_of(network_of(SPEC))


def shapes_of(net: nn.Module) -> dict[str, Extents]:
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}


def found(shapes: dict[str, Extents]) -> tuple[dict[str, str], Pairing]:
    pairing = paired(structure_of(network_of(SPEC)), their_leaves(shapes, TORCH))
    return {pair.ours.path: pair.theirs.path for pair in pairing.pairs}, pairing


def test_branches_in_another_order_are_told_by_what_they_hold(theirs: nn.Module) -> None:
    names, pairing = found(shapes_of(theirs))
    assert names == WANTED
    assert [leaf.path for leaf in pairing.missing] == ["aux.linear"]
    assert not pairing.extra


def test_the_order_of_the_alphabet_says_nothing_and_does_no_harm(theirs: nn.Module) -> None:
    names, _ = found(dict(sorted(shapes_of(theirs).items())))
    assert names == WANTED


def test_many_blocks_are_counted_and_not_spelled() -> None:
    """`blocks.10` comes after `blocks.2`, in a file that is sorted by letters."""
    net = nn.ModuleDict({"blocks": nn.ModuleList(nn.Linear(4, 4) for _ in range(12))})
    yaml = (
        "archgen: 1\nname: n\ninput: {channels: 4, grid: 1}\n"
        "network: [{global_avg_pool: {}}, {linear: {features: 4}, repeat: 12}]\n"
    )
    shapes = dict(sorted(shapes_of(net).items()))
    pairing = paired(structure_of(network_of(yaml)), their_leaves(shapes, TORCH))
    assert [pair.theirs.path for pair in pairing.pairs] == [f"blocks.{i}" for i in range(12)]


def test_one_lost_layer_leaves_the_others_where_they_were(theirs: nn.Module) -> None:
    shapes = shapes_of(theirs)
    del shapes["blocks.0.left.3.weight"]
    names, pairing = found(shapes)
    assert names == {ours: name for ours, name in WANTED.items() if ours != "unit.0.deep.conv_2"}
    assert [leaf.path for leaf in pairing.missing] == ["unit.0.deep.conv_2", "aux.linear"]


def test_equal_names_are_believed_whatever_their_order() -> None:
    shapes = {t.name: t.shape for leaf in our_leaves() for t in leaf.tensors.values()}
    names = list(shapes)
    names = names[::2] + names[1::2]
    pairs, _ = found({name: shapes[name] for name in names})
    assert all(ours == theirs for ours, theirs in pairs.items())


@pytest.mark.parametrize("prefix", ["module.", "model.backbone."])
def test_a_prefix_of_all_names_does_not_matter(theirs: nn.Module, prefix: str) -> None:
    names, _ = found({f"{prefix}{name}": shape for name, shape in shapes_of(theirs).items()})
    assert names == {ours: f"{prefix}{name}" for ours, name in WANTED.items()}
