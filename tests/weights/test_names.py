"""Patterns of names, how pairs are folded into them, and that layers are called as in live modules."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from archgen.emit.module import build_class
from archgen.weights.folding import Line, folded
from archgen.weights.leaves import leaves_of
from archgen.weights.patterns import PatternError, expanded, expanded_together
from tests.compiling import NETWORKS, shipped, source_of


def test_braces_are_filled_as_a_shell_does() -> None:
    assert expanded("a.{0..1}.{x,y}") == ["a.0.x", "a.0.y", "a.1.x", "a.1.y"]
    assert expanded("conv{,.norm}") == ["conv", "conv.norm"]
    assert expanded("plain") == ["plain"]


def test_the_braces_of_two_patterns_go_together() -> None:
    assert expanded_together("a.{0..1}", "b.{6..7}") == [("a.0", "b.6"), ("a.1", "b.7")]
    with pytest.raises(PatternError, match="has braces of 2, and `b` of none"):
        expanded_together("a.{0..1}", "b")


@pytest.mark.parametrize("pattern", ["a.{0..1", "a.0}", "a.{x,{y,z}}", "{3..1}", "{0..99999}"])
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        expanded(pattern)


def test_patterns_cannot_mean_millions_of_names() -> None:
    with pytest.raises(PatternError, match="more than"):
        expanded("{0..999}" * 9)


def test_equal_lines_become_one() -> None:
    pairs = [
        (f"a.{i}.conv{end}", f"features.{i + 6}.{word}")
        for i in range(4)
        for end, word in (("", "conv"), (".norm", "bn"))
    ]
    assert folded(pairs) == [Line("a.{0..3}.conv{,.norm}", "features.{6..9}.{conv,bn}")]


def test_a_norm_that_is_called_after_its_layer_shares_its_line() -> None:
    pairs = [("conv_2", "conv_1x1"), ("conv_2.norm", "conv_1x1_bn")]
    assert folded(pairs) == [Line("conv_2{,.norm}", "conv_1x1{,_bn}")]


WORDS = st.sampled_from(
    ["a", "b", "conv", "conv1", "conv1_bn", "bn1", "norm", "0", "1", "2", "7", "x_3"]
)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(".".join)


@hypothesis_settings(deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES), max_size=12, unique_by=lambda pair: pair[0]))
def test_folded_lines_mean_exactly_the_pairs(pairs: list[tuple[str, str]]) -> None:
    meant = [pair for line in folded(pairs) for pair in expanded_together(*line)]
    assert sorted(meant) == sorted(pairs)


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_own_the_tensors_of_the_live_module(name: str) -> None:
    compilation = shipped(name)
    with torch.device("meta"):
        state = build_class(source_of(compilation))().state_dict()
    leaves = leaves_of(compilation.sound_network())
    found = {tensor.name: tensor.shape for leaf in leaves for tensor in leaf.tensors.values()}
    assert found == {name: tuple(tensor.shape) for name, tensor in state.items()}
