"""A safe fix never changes what a network is: words of other frameworks, tuples, and random slips."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from torch import nn

from archgen import foreign
from archgen.cli.checking import check_file
from archgen.cli.fixing import fix_file
from archgen.cli.locate import Found
from archgen.diagnostics import Severity, suggest
from archgen.ops import OPS_BY_NAME
from archgen.ops.attached import ACTIVATIONS
from archgen.pipeline import check
from archgen.resolve.printer import print_spec
from archgen.spec.files import SpecText
from tests.cli.conftest import Command
from tests.cli.test_fix import last_step
from tests.compiling import SPECS

Writer = Callable[..., Path]
# each was turned into the nearest op, activation or join: another network, without a word
OTHER_NETWORKS = [
    "global_max_pool",
    "GlobalMaxPooling2D",
    "dwconv: {kernel: 3}",
    "DepthwiseConv2D: {kernel_size: 3}",
    "min_pool: {kernel: 2, stride: 2, padding: valid}",
    "max_unpool: {kernel: 2, stride: 2, padding: valid}",
    "unflatten",
    "Unflatten",
    "act: logsigmoid",
    "act: LogSigmoid",
    "act: softmin",
    "act: elu",
    "act: celu",
    "act: log_softmax",
    "deconv: {filters: 8, kernel: 3}",
    "Conv2DTranspose: {filters: 8, kernel: 3}",
    "cat: {a: [], b: []}",
    "sub: {a: [], b: []}",
    "instance_norm",
    "norm: instance",
    "dropblock: 0.1",
    "pixel_shuffle: 2",
]


@pytest.mark.parametrize("options", ["--fix", "--fix --unsafe-fixes"])
@pytest.mark.parametrize("step", OTHER_NETWORKS)
def test_a_word_of_another_framework_is_never_the_nearest(
    step: str, options: str, archgen: Command, spec: Writer
) -> None:
    path = spec(last_step(step))
    result = archgen("check", *options.split(), str(path))
    assert path.read_text() == last_step(step)
    assert result.status == 1
    assert "help: " in result.out
    assert "did you mean" not in result.out


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("batch_norm", "norm: batch"),
        ("depthwise_conv", "groups: in.channels"),
        ("dense", "`linear"),
        ("fc", "`linear"),
        ("gap", "`global_avg_pool`"),
        ("global_max_pool", "`max_pool`"),
        ("concatenate", "`concat`"),
        ("bn", "norm: batch"),
        ("se", "`multiply`"),
        ("nn.MaxPool2d", "`max_pool"),
        ("keras.layers.Dense", "`linear"),
    ],
)
def test_the_advice_names_what_to_write(word: str, advice: str) -> None:
    assert advice in suggest(word, OPS_BY_NAME, role="op").help("")


def test_every_layer_of_torch_is_known_and_none_is_a_slip() -> None:
    """Layers that archgen has under the very name, in small letters, need no advice."""
    layers = [
        name
        for name, kind in vars(nn).items()
        if isinstance(kind, type) and issubclass(kind, nn.Module) and "Loss" not in name
    ]
    assert len(layers) > 100
    ours = {word.replace("_", "") for word in (*OPS_BY_NAME, *ACTIVATIONS)}
    for name in layers:
        suggestion = suggest(name, [*OPS_BY_NAME, *ACTIVATIONS], role="op")
        assert foreign.is_foreign(name) or name.lower().removesuffix("2d") in ours, name
        assert not suggestion.is_safe or suggestion.word == name.lower(), name


TUPLES = {
    "conv: {filters: 8, kernel: (3, 3)}": "conv: {filters: 8, kernel: 3}",
    "conv: {filters: 8, kernel: (1,7)}": "conv: {filters: 8, kernel: 1x7}",
    "conv: {filters: 8, kernel: [3, 1]}": "conv: {filters: 8, kernel: 3x1}",
    "conv: {filters: 8, kernel: 3, stride: (1, 1)}": "conv: {filters: 8, kernel: 3, stride: 1}",
    "conv: {filters: 8, kernel: 3, padding: (1, 0)}": "conv: {filters: 8, kernel: 3, padding: [1, 0]}",
    "conv: {filters: 8, kernel: 3, padding: (1, 1)}": "conv: {filters: 8, kernel: 3, padding: 1}",
    "conv:\n      filters: 8\n      kernel: (3, 3)": "conv:\n      filters: 8\n      kernel: 3",
    "conv: {filters: 8, kernel: 3, padding: “same”}": "conv: {filters: 8, kernel: 3, padding: same}",
    "conv: {filters: 8, kernel: 3, act: \u2018relu\u2019}": "conv: {filters: 8, kernel: 3, act: relu}",
    "conv: {filters: 8, kernel\uff1a 3}": "conv: {filters: 8, kernel: 3}",
    "conv: {filters: 8, kernel:\u00a03}": "conv: {filters: 8, kernel: 3}",
    "conv: {filters: 8, kernel: (3, 3, 3)}": None,
    "conv: {filters: (8, 8), kernel: 3}": None,
    "conv: {filters: 8, kernel: (k, k)}": None,
    "conv\uff1a {filters: 8, kernel: 3}": None,
    "conv: {filters: 8\uff0c kernel: 3}": None,
}


@pytest.mark.parametrize("step", TUPLES)
def test_what_python_and_word_processors_write_ends_right_or_stays(
    step: str, archgen: Command, spec: Writer
) -> None:
    path = spec(last_step(step))
    result = archgen("check", "--fix", str(path))
    fixed = TUPLES[step]
    assert path.read_text() == last_step(fixed or step)
    assert result.status == int(fixed is None), result.out


WORDS = re.compile(r"[A-Za-z_][\w.]*|[0-9]+(?:x[0-9]+)?|[:,{}\[\]-]")
STRANGE = ["global_max_pool", "dwconv", "softmin", "elu", "cat", "“same”", "Conv2d", "bn"]


@pytest.mark.parametrize("seed", range(120))
def test_a_safe_fix_of_one_token_restores_the_network_or_is_not_made(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311
    path = draw.choice(sorted(SPECS.glob("*.yaml")))
    text = path.read_text()
    token = draw.choice(list(WORDS.finditer(text, text.index("name:"))))
    changed = text[: token.start()] + _slip(token[0], draw) + text[token.end() :]
    fixed = fix_file(Found(SpecText(str(path), changed, path), "network"))
    assert fixed.file.text is not None
    if fixed.lines:
        assert _resolved(fixed.file.text) == _resolved(SpecText(str(path), text, path)), fixed.lines


def _slip(word: str, draw: random.Random) -> str:
    """A word with one letter more, less or other, or two exchanged; or one from somewhere else."""
    at = draw.randrange(len(word))
    letter = draw.choice("abcdefghijklmnopqrstuvwxyz_")
    return draw.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + letter + word[at:],
            word[:at] + letter + word[at + 1 :],
            word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :],
            word.upper(),
            draw.choice(STRANGE),
        ]
    )


def _resolved(text: SpecText) -> str:
    """The whole network with every name and setting; what is wrong with it, if it is."""
    found = check_file(Found(text, "network")).diagnostics
    errors = [finding.message for finding in found if finding.severity is Severity.ERROR]
    compilation = check(text)
    network = compilation.network
    return "\n".join(errors) if errors or network is None else print_spec(network.network, {})


@pytest.mark.parametrize("word", ["pda", "pab", "ad", "adb", "atc"])
def test_a_word_of_three_letters_is_too_short_to_be_sure_of(word: str) -> None:
    suggestion = suggest(word, OPS_BY_NAME, role="op")
    assert suggestion.word is not None
    assert not suggestion.is_safe
