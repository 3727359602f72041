"""The random networks of `tools/fuzz`: a few cases, what they reach, and that hostile texts stay texts."""

from __future__ import annotations

from collections import defaultdict

import pytest

from archgen.emit import emit
from archgen.ops import OPS
from archgen.ops.rearrange import Split
from archgen.ops.settings import settings_of
from archgen.resolve.printer import print_spec
from tests.compiling import NETWORKS, codes, compiled, network_of, shipped, source_of
from tools.fuzzing import faults, networks
from tools.fuzzing.generate import network
from tools.fuzzing.inert import problems
from tools.fuzzing.plan import quoted

HOSTILE = [
    '"""\nimport os\n"""',
    "'''; import os; '''",
    "\\N{BULLET} \\x22 \\",
    'ends with a quote"',
    "{braces} %s {0.__class__}",
    "\u2028import os\u2029\x85\x0b\x0cimport os",
    "é 名 \U0001f600 \u202e",
    "# type: ignore\r\nimport os",
    '\\"\\"\\"',
]


def test_random_networks_mean_what_the_reference_says() -> None:
    outcomes = list(networks.run(range(40)))
    assert [outcome.failure for outcome in outcomes if outcome.failure] == []
    assert len(outcomes) == 40


def test_random_faults_are_refused_where_they_are() -> None:
    outcomes = list(faults.run(range(150)))
    assert [outcome.failure for outcome in outcomes if outcome.failure] == []
    assert sum(outcome.what.endswith("refused") for outcome in outcomes) > 100


def test_a_wrong_module_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def otherwise(x: str) -> str:
        return x.replace("torch.sigmoid", "torch.tanh").replace("F.relu(", "F.relu6(")

    def wrong(*arguments: object) -> object:
        source = emit(*arguments)  # type: ignore[arg-type]
        return type(source)(otherwise(source.text), source.class_name, source.name)

    monkeypatch.setattr(networks, "emit", wrong)
    assert any(outcome.failure for outcome in networks.run(range(20)))


def test_random_networks_reach_every_op_and_every_setting() -> None:
    reached: dict[str, set[str]] = defaultdict(set)
    for seed in range(300):
        for steps, index in network(seed).walk():
            reached[steps[index].op] |= steps[index].settings.keys()
    for op in OPS:
        assert op.name in reached
        names_its_parts = op is Split
        assert names_its_parts or reached[op.name] >= settings_of(op).keys(), op.name


@pytest.mark.parametrize("name", NETWORKS)
def test_the_modules_of_this_project_are_inert(name: str) -> None:
    assert list(problems(source_of(shipped(name)).text)) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_stay_texts(text: str) -> None:
    hostile = quoted(text)
    spec = f"""
archgen: 1
name: net
note: {hostile}
source: {{paper: {hostile}, figure: {hostile}, url: {hostile}}}
input: {{channels: 2, grid: 6}}
params: {{k: {{type: int, default: 2, doc: {hostile}}}}}
blocks:
  unit:
    note: {hostile}
    source: {{section: {hostile}, code: {hostile}}}
    body:
      - conv: {{filters: 2, kernel: 1, padding: valid}}
        note: {hostile}
network:
  - unit: {{}}
    source: {{table: {hostile}}}
    note: {hostile}
  - linear: {{features: k}}
"""
    assert not codes(spec)
    source = source_of(compiled(spec), name=f"{text}.yaml")
    assert list(problems(source.text)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        'x = "text"',
        "x = eval(1)",
        "x = torch.__dict__",
        "x = lambda: 0",
        "x = nowhere",
        "# a remark",
    ],
)
def test_what_no_emitted_module_holds_is_noticed(line: str) -> None:
    assert list(problems(f"import torch\n{line}\n"))


def test_a_resolved_spec_names_steps_of_outer_lists_and_prints_empty_bodies() -> None:
    spec = """
archgen: 1
name: net
input: {channels: 2, grid: 6}
network:
  - act: tanh
    id: first
  - concat:
      a:
        - add: {}
          from: [first, in]
      b:
        - residual: {body: []}
"""
    shaped = network_of(spec)
    printed = print_spec(shaped.network, shaped.block.arguments)
    again = source_of(compiled(printed)).text.splitlines()
    assert again[12:] == source_of(compiled(spec)).text.splitlines()[12:]
