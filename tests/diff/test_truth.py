"""What `diff` says of networks is at least as severe as what torch shows with the weights that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from random import Random
from typing import Any, TypeAlias

import pytest
import torch
import yaml
from torch import Tensor, nn

from archgen.diff import Difference, Severity, compare
from archgen.emit.module import build_class
from archgen.ir.shaped import ShapedNetwork
from archgen.pipeline import Compilation
from tests.compiling import compiled, source_of
from tools.fuzzing import networks

Mapping: TypeAlias = dict[str, Any]
Mutation = Callable[[object, Random], None]
LEFT_TO_CHANCE = ("Dropout", "StochasticDepth")


def _returned(module: nn.Module, x: Tensor) -> list[Tensor]:
    """All that a module returns, in order."""
    found = module(x)
    return [found] if isinstance(found, Tensor) else [one for one in found if one is not None]


def _truth(sides: tuple[Compilation, Compilation]) -> Severity:
    """How severe a change is, by running both with the weights that have the same name and shape."""
    x, y = (side.sound_network().network.input for side in sides)
    if x != y:
        return Severity.SHAPE_BREAKING
    modules = [build_class(source_of(side))() for side in sides]
    generator = torch.Generator().manual_seed(0)
    old, new = (module.state_dict() for module in modules)
    for name, tensor in old.items():
        if tensor.dtype.is_floating_point:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        if name in new and new[name].shape == tensor.shape:
            new[name].copy_(tensor)
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in (old, new)]
    found = Severity.EQUAL if shapes[0] == shapes[1] else Severity.WEIGHT_BREAKING
    image = torch.randn((3, x.channels, x.height, x.width), generator=generator)
    names = {type(part).__name__ for module in modules for part in module.modules()}
    is_chance = any(name.startswith(LEFT_TO_CHANCE) for name in names)
    for is_training in (False,) if is_chance else (False, True):
        with torch.no_grad():
            before, after = (_returned(m.train(is_training), image.clone()) for m in modules)
        if [value.shape for value in before] != [value.shape for value in after]:
            return Severity.SHAPE_BREAKING
        for one, other in zip(before, after, strict=True):
            if not torch.equal(one.nan_to_num(7.0), other.nan_to_num(7.0)):
                found = max(found, Severity.NUMERICS)
    return found


def _judged(before: str, after: str) -> Difference | None:
    """The difference, which must not be milder than the truth; None where a side is not a sound network."""
    sides = _compiled(before), _compiled(after)
    if any(side.network is None or _is_broken(side) for side in sides):
        return None
    found = compare(sides[0].sound_network(), sides[1].sound_network())
    if found.severity < Severity.SHAPE_BREAKING and before != after:
        assert found.severity >= _truth(sides), f"{found.severity} is too mild\n{before}\n{after}"
    assert found.changes or found.severity is Severity.EQUAL, f"nothing told\n{before}\n{after}"
    return found


@lru_cache(8)
def _compiled(text: str) -> Compilation:
    return compiled(text)


def _sound(text: str) -> ShapedNetwork:
    return _compiled(text).sound_network()


def _is_broken(compilation: Compilation) -> bool:
    return any(finding.severity == "error" for finding in compilation.diagnostics)


# --- changes with equal weights and sizes --------------------------------------------------------

BASE = """\
archgen: 1
name: net
input: {channels: 4, grid: 8}
defaults: {conv: {padding: same}}
blocks:
  pair:
    inputs: [left, right]
    outputs: {one: a, other: b}
    params: {rate: {type: float, default: 0.1}, deep: {type: bool, default: true}}
    body:
      - conv: {filters: 4, kernel: 1}
        from: in.left
        id: a
      - conv: {filters: 4, kernel: 1}
        from: in.right
        id: b
      - act: relu
        when: deep
      - dropout: {rate: rate}
      - concat: {}
        from: [a, dropout]
network:
  - conv: {filters: 4, kernel: 3, bias: false, norm: {batch: {eps: 0.001}}, act: relu}
    id: first
  - conv: {filters: 4, kernel: 3}
    id: second
  - split: {p: 2, q: 2}
  - concat:
      p: [{conv: {filters: 2, kernel: 3}}]
      q: [{conv: {filters: 2, kernel: 3}}]
  - conv: {filters: 4, kernel: 3, dilation: 2}
    repeat: 3
    id: three
  - pair: {}
    from: [first, second]
    id: twins
  - concat: {}
    from: [twins.one, twins.other, three.1]
    id: joined
  - residual:
      shortcut: [{conv: {filters: 12, kernel: 1}}]
      body: [{conv: {filters: 12, kernel: 1}}]
      scale: 0.3
  - multiply:
      x: []
      y: [global_avg_pool: {}, act: sigmoid]
  - avg_pool: {kernel: 3, stride: 1, padding: 1}
  - conv: {filters: 12, kernel: 3, padding: [1, 1, 0, 2]}
    id: uneven
  - lrn: {size: 3, alpha: 0.1, beta: 0.75, k: 1.0}
  - channel_shuffle: {groups: 3}
  - pad: [1, 0, 1, 2]
  - upsample: {factor: 2, mode: nearest}
  - stochastic_depth: 0.2
  - scale: 0.5
  - global_avg_pool
  - linear: {features: 3}
outputs:
  t: {from: first}
  u: {from: second}
  aux:
    from: joined
    training_only: true
    loss_weight: 0.3
    body: [global_avg_pool: {}, linear: {features: 3}]
"""
SAME_WEIGHTS = [
    ("{p: 2, q: 2}", "{q: 2, p: 2}"),
    (
        "      p: [{conv: {filters: 2, kernel: 3}}]\n      q: [{conv: {filters: 2, kernel: 3}}]",
        "      q: [{conv: {filters: 2, kernel: 3}}]\n      p: [{conv: {filters: 2, kernel: 3}}]",
    ),
    ("  t: {from: first}\n  u: {from: second}", "  u: {from: second}\n  t: {from: first}"),
    ("  t: {from: first}\n  u: {from: second}", "  t: {from: second}\n  u: {from: first}"),
    ("from: [first, second]", "from: [second, first]"),
    ("inputs: [left, right]", "inputs: [right, left]"),
    ("{one: a, other: b}", "{one: b, other: a}"),
    ("from: [a, dropout]", "from: [dropout, a]"),
    ("from: [twins.one, twins.other,", "from: [twins.other, twins.one,"),
    ("from: [twins.one, twins.other,", "from: [twins.one, twins.one,"),
    ("three.1]", "three.0]"),
    ("three.1]", "three]"),
    (
        "bias: false, norm: {batch: {eps: 0.001}}, act: relu}",
        "bias: false, norm: {batch: {}}, act: relu}",
    ),
    ("{batch: {eps: 0.001}}", "{batch: {eps: 0.001, momentum: 0.3}}"),
    ("act: relu}", "act: silu}"),
    ("kernel: 3, dilation: 2}", "kernel: 3, dilation: 3}"),
    ("scale: 0.3", "scale: 0.4"),
    ("act: sigmoid", "act: tanh"),
    ("stride: 1, padding: 1}", "stride: 1, padding: 1, count_include_pad: true}"),
    ("[1, 1, 0, 2]", "[1, 1, 2, 0]"),
    ("avg_pool: {kernel: 3, stride", "max_pool: {kernel: 3, stride"),
    ("alpha: 0.1, beta: 0.75", "alpha: 0.2, beta: 0.75"),
    ("k: 1.0", "k: 2.0"),
    ("{groups: 3}", "{groups: 4}"),
    ("[1, 0, 1, 2]", "[0, 1, 1, 2]"),
    ("mode: nearest", "mode: bilinear"),
    ("stochastic_depth: 0.2", "stochastic_depth: 0.3"),
    ("- scale: 0.5", "- scale: 0.6"),
    ("default: 0.1}", "default: 0.2}"),
    ("default: true}", "default: false}"),
    ("- pair: {}", "- pair: {rate: 0.5}"),
    ("- pair: {}", "- pair: {deep: false}"),
    ("loss_weight: 0.3", "loss_weight: 0.4"),
    ("    from: joined\n", "    from: residual\n"),
    (
        "      - act: relu\n        when: deep\n      - dropout: {rate: rate}\n",
        "      - dropout: {rate: rate}\n",
    ),
]


@pytest.mark.parametrize(("old", "new"), SAME_WEIGHTS)
def test_other_results_of_the_same_weights_are_never_cosmetic(old: str, new: str) -> None:
    assert BASE.count(old) == 1
    changed = BASE.replace(old, new)
    found, back = _judged(BASE, changed), compare(_sound(changed), _sound(BASE))
    assert found is not None
    assert Severity.NUMERICS <= found.severity < Severity.WEIGHT_BREAKING
    assert back.severity is found.severity


def test_an_activation_at_another_place_is_never_cosmetic() -> None:
    moved = BASE.replace("act: relu}\n    id: first", "}\n    id: first", 1).replace(", }", "}")
    moved = moved.replace("kernel: 3}\n    id: second", "kernel: 3, act: relu}\n    id: second")
    found = _judged(BASE, moved)
    assert found is not None
    assert found.severity is Severity.NUMERICS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: net", "name: other"),
        (
            "      - conv: {filters: 4, kernel: 1}\n        from: in.left",
            "      - conv: {kernel: 1, filters: 4}\n        from: in.left",
        ),
        ("loss_weight: 0.3", "loss_weight: 0.30"),
        ("{rate: rate}", "{rate: rate * 1}"),
    ],
)
def test_what_computes_the_same_is_at_most_cosmetic(old: str, new: str) -> None:
    assert BASE.count(old) == 1
    found = _judged(BASE, BASE.replace(old, new))
    assert found is not None
    assert found.severity <= Severity.COSMETIC


def test_outputs_of_other_sizes_in_another_order_break_who_reads_them() -> None:
    base = BASE.replace("t: {from: first}", "t: {from: joined}")
    swapped = base.replace(
        "  t: {from: joined}\n  u: {from: second}", "  u: {from: second}\n  t: {from: joined}"
    )
    found = _judged(base, swapped)
    assert found is not None
    assert found.severity is Severity.SHAPE_BREAKING
    assert [change.what for change in found.changes] == ["order of outputs"]


# --- random changes -----------------------------------------------------------------------------


def _mappings(value: object) -> Iterator[Mapping]:
    """All mappings within a part of a spec that have two keys or more."""
    if isinstance(value, dict) and len(value) > 1:
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _mappings(one)


def _lists(value: object) -> Iterator[list[object]]:
    """All lists of two items or more."""
    if isinstance(value, list) and len(value) > 1:
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _lists(one)


def _swap_items(root: object, random: Random) -> None:
    steps = random.choice([*_lists(root)])
    one, other = random.sample(range(len(steps)), 2)
    steps[one], steps[other] = steps[other], steps[one]


def _shuffle_keys(root: object, random: Random) -> None:
    mapping = random.choice([*_mappings(root)])
    items = [*mapping.items()]
    random.shuffle(items)
    mapping.clear()
    mapping.update(items)


def _swap_values(root: object, random: Random) -> None:
    mapping = random.choice([*_mappings(root)])
    one, other = random.sample([*mapping], 2)
    mapping[one], mapping[other] = mapping[other], mapping[one]


def _swap_names(root: object, random: Random) -> None:
    mapping = random.choice([*_mappings(root)])
    one, other = random.sample([*mapping], 2)
    names = {one: other, other: one}
    items = [(names.get(key, key), value) for key, value in mapping.items()]
    mapping.clear()
    mapping.update(items)


def _change_value(root: object, random: Random) -> None:
    mapping = random.choice([*_mappings(root)])
    key = random.choice([*mapping])
    value = mapping[key]
    if isinstance(value, bool):
        mapping[key] = not value
    elif isinstance(value, int | float):
        mapping[key] = random.choice([value + 1, value * 2, value / 2, 1, 2])
    elif isinstance(value, str):
        mapping[key] = random.choice(["relu", "tanh", "silu", "none", "valid", "same", "reflect"])


def _move_setting(root: object, random: Random) -> None:
    mappings = [*_mappings(root)]
    one, other = random.choice(mappings), random.choice(mappings)
    key = random.choice([*one])
    other[key] = one.pop(key)


def _drop(root: object, random: Random) -> None:
    mapping = random.choice([*_mappings(root)])
    del mapping[random.choice([*mapping])]


MUTATIONS: tuple[Mutation, ...] = (
    *(_swap_items, _shuffle_keys, _swap_values, _swap_names),
    *(_change_value, _change_value, _move_setting, _drop),
)


def _written(document: object) -> str:
    return str(yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=10_000))


def _changed(text: str, seed: int) -> str:
    random = Random(seed)  # noqa: S311  # chance, not secrets
    document = yaml.safe_load(text)
    random.choice(MUTATIONS)([document[key] for key in document if key in PARTS], random)
    return _written(document)


PARTS = ("network", "blocks", "outputs", "defaults")


def judge(seeds: range) -> dict[str, int]:
    """How many differences of each severity there are among random changes of random networks."""
    found: dict[str, int] = {}
    for seed in seeds:
        text = _written(yaml.safe_load(networks.text_of(seed // 4)))
        difference = _judged(text, _changed(text, seed))
        name = "unsound" if difference is None else str(difference.severity)
        found[name] = found.get(name, 0) + 1
    return found


def test_a_random_change_is_told_at_least_as_severely_as_it_is() -> None:
    found = judge(range(64))
    assert found.keys() > {"equal", "numerics", "unsound"}


@pytest.mark.slow
def test_many_random_changes_are_told_at_least_as_severely_as_they_are() -> None:
    found = judge(range(1000, 1080))
    assert found["numerics"] > 1
    assert found["weight-breaking"] > 1


def test_random_networks_differ_at_least_as_much_as_is_told() -> None:
    for seed in range(8):
        _judged(networks.text_of(seed), networks.text_of(seed + 1))
