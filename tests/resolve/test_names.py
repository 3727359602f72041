"""Names: what may be one, what is taken, and nothing that could be anything else in emitted source."""

from __future__ import annotations

import ast
import keyword

import pytest
from torch import nn

from archgen.resolve.names import MAX_NAME, MODULE_ATTRIBUTES
from tests.compiling import codes, compiled, findings, source_of

HEAD = """
archgen: 1
name: net
input: {channels: 3, grid: 8}
defaults: {conv: {padding: same}}
"""
BAD = [
    "x); import os",
    "a b",
    "a-b",
    "a.b",
    "a\\nb",
    "1st",
    "_private",
    "__init__",
    "a__b",
    "größe",
    "\uff46\uff55\uff4c\uff4c",
    "名前",
    "a'",
    '\\"',
    "#",
    "",
    " ",
    "a\\u200bb",
    "self.x",
    "f(x)",
    "{x}",
    "x" * (MAX_NAME + 1),
]


def quoted(name: str) -> str:
    return f'"{name}"'


def with_id(name: str) -> str:
    """A network with a step of this name."""
    return f"{HEAD}network:\n  - conv: {{filters: 4, kernel: 1}}\n    id: {name}\n"


def with_block(name: str) -> str:
    """A network with a block of this name."""
    step = f"{name}: {{}}"
    body = "body:\n      - conv: {filters: 4, kernel: 1}"
    return f"{HEAD}blocks:\n  {name}:\n    {body}\nnetwork:\n  - {step}\n"


def with_branch(name: str) -> str:
    """A network with a branch of this name."""
    conv = "[{conv: {filters: 4, kernel: 1}}]"
    return f"{HEAD}network:\n  - concat: {{{name}: {conv}, other: []}}\n"


def with_param(name: str) -> str:
    """A network with a param of this name."""
    return (
        f"{HEAD}params: {{{name}: {{type: int, default: 3}}}}\nallow: [AG405]\n"
        "network:\n  - conv: {filters: 4, kernel: 1}\n"
    )


@pytest.mark.parametrize("module", [nn.Module(), nn.Sequential(), nn.ModuleDict()])
def test_every_attribute_of_a_module_is_reserved(module: nn.Module) -> None:
    public = {name for name in dir(module) if not name.startswith("_")}
    assert public <= MODULE_ATTRIBUTES


@pytest.mark.parametrize("build", [with_id, with_block, with_branch])
@pytest.mark.parametrize("name", ["forward", "training", "parameters", "type", "keys", "to"])
def test_an_attribute_of_modules_names_nothing(build: object, name: str) -> None:
    assert callable(build)
    assert "AG108" in codes(build(name))


@pytest.mark.parametrize("build", [with_id, with_block, with_branch, with_param])
@pytest.mark.parametrize("name", BAD)
def test_what_is_no_identifier_names_nothing(build: object, name: str) -> None:
    assert callable(build)
    assert "AG108" in codes(build(quoted(name)))


@pytest.mark.parametrize("build", [with_id, with_block, with_branch, with_param])
@pytest.mark.parametrize("name", ["class", "for", "lambda", "None", "import", "async"])
def test_a_word_of_python_names_nothing(build: object, name: str) -> None:
    assert callable(build)
    assert keyword.iskeyword(name)
    assert "AG108" in codes(build(quoted(name)))


@pytest.mark.parametrize("name", ["true", "null", "TRUE"])
def test_a_value_of_yaml_names_nothing(name: str) -> None:
    (finding,) = findings(with_id(quoted(name)))
    assert finding.rule.code == "AG108"
    assert "is a value in YAML" in finding.message


@pytest.mark.parametrize("name", ["self", "torch", "nn", "F", "in_channels", "i", "range", "min"])
def test_a_param_cannot_be_called_what_emitted_code_uses(name: str) -> None:
    (finding,) = findings(with_param(name))
    assert finding.rule.code == "AG108"
    assert finding.help == f"write `{name}_1` or another name"


@pytest.mark.parametrize("name", ["conv", "concat", "residual", "linear"])
def test_a_block_cannot_be_called_as_an_op(name: str) -> None:
    text = with_block(name).replace(f"  - {name}: {{}}", "  - flatten")
    assert "AG108" in codes(text)


@pytest.mark.parametrize("name", ["from", "repeat", "when", "expect", "note"])
def test_a_block_cannot_be_called_as_a_key_of_steps(name: str) -> None:
    text = with_block(name).replace(f"  - {name}: {{}}", "  - flatten")
    assert "AG108" in codes(text)


@pytest.mark.parametrize("name", ["x); import os", "__import__('os')", "os.system('ls')"])
def test_a_network_cannot_be_called_as_code(name: str) -> None:
    text = f'archgen: 1\nname: "{name}"\ninput: {{channels: 3, grid: 8}}\nnetwork: [flatten]\n'
    (finding,) = findings(text)
    assert finding.rule.code == "AG108"


def test_notes_cannot_leave_their_text() -> None:
    note = '\\"\\"\\" \\n import os \\\\ \\"\\"\\"'
    text = f'{HEAD}note: "{note}"\nnetwork:\n  - flatten\n'
    tree = ast.parse(source_of(compiled(text)).text)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert "os" not in {alias.name for node in imports for alias in node.names}


def test_a_fitting_name_is_proposed() -> None:
    (finding,) = findings(with_id("my-conv"))
    assert finding.help == "write `my_conv`"


def test_a_fitting_name_is_proposed_for_one_that_begins_with_a_digit() -> None:
    (finding,) = findings(with_id("3x3"))
    assert finding.help == "write `step_3x3`"


def test_a_long_name_is_fine_up_to_the_limit() -> None:
    assert not codes(with_id("x" * MAX_NAME))


def test_two_steps_of_one_name_clash() -> None:
    text = with_id("same_one") + "  - conv: {filters: 4, kernel: 1}\n    id: same_one\n"
    (finding,) = [f for f in findings(text) if f.severity == "error"]
    assert finding.rule.code == "AG109"
    assert finding.span.start == (10, 9)
    assert finding.labels[0].span.start == (8, 9)


def test_a_name_clashes_with_a_default_name() -> None:
    text = with_id("conv_2") + "  - conv: {filters: 4, kernel: 1}\n" * 2
    assert codes(text) == ["AG109"]


def test_a_name_clashes_with_a_default_name_above_it() -> None:
    text = f"{HEAD}network:\n  - conv: {{filters: 4, kernel: 1}}\n"
    text += "  - conv: {filters: 4, kernel: 1}\n    id: conv\n"
    assert codes(text) == ["AG109"]


def test_a_branch_clashes_with_a_step_beside_its_join() -> None:
    text = with_branch("one") + "  - conv: {filters: 4, kernel: 1}\n    id: one\n"
    assert codes(text) == ["AG109"]


def test_a_join_with_an_id_has_names_of_its_own() -> None:
    text = with_branch("one") + "    id: join\n  - conv: {filters: 4, kernel: 1}\n    id: one\n"
    assert not codes(text)


def test_steps_without_a_name_are_numbered() -> None:
    network = compiled(f"{HEAD}network:\n" + "  - conv: {filters: 4, kernel: 1}\n" * 3)
    graph = network.sound_network().block.graph
    assert [node.node.name for node in graph.nodes] == ["conv", "conv_2", "conv_3"]
