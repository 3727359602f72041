"""Maps as files: read, checked beside a network, written again."""

from __future__ import annotations

import pytest

from archgen.cli.checking import check_file
from archgen.cli.locate import Found, kind_of_text
from archgen.cli.weight_maps import shipped_map
from archgen.diagnostics import Findings
from archgen.spec.files import SpecText
from archgen.weights.dialects import TF_SLIM
from archgen.weights.leaves import leaves_of
from archgen.weights.maps import LayerLine, WeightMap, map_text, read_map
from tests.compiling import SPECS, shipped

HEAD = "archgen: 1\nweights:\n  network: alexnet_torch\n"
LAYERS = (
    "  layers: {'conv': f.0, 'conv_{2..5}': 'f.{1..4}', linear: c, 'linear_{2..3}': 'c.{2..3}'}\n"
)


def told(text: str) -> list[tuple[str, str, str]]:
    file = SpecText("map.yaml", text)
    found = check_file(Found(file, kind_of_text(text))).diagnostics
    return [(d.rule.code, d.message, d.help) for d in found]


def test_a_sound_map_has_no_findings() -> None:
    assert told(HEAD + LAYERS) == []


@pytest.mark.parametrize("path", sorted((SPECS / "weights").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_map_that_comes_with_archgen_covers_its_network(path: object) -> None:
    text = (SPECS / "weights" / str(getattr(path, "name"))).read_text(encoding="utf-8")  # noqa: B009
    assert told(text) == []


@pytest.mark.parametrize(
    ("line", "code", "message", "help"),
    [
        ("  nams: torch\n", "AG101", "unknown key `nams` in `weights`", "`names`"),
        ("  names: tf-slim\n", "AG701", "`tf-slim` is none of", "`tf_slim`"),
        ("  without: [gama]\n", "AG701", "`gama` is none of gamma, beta, count", "`gamma`"),
        ("  norms: no_gama\n", "AG701", "`no_gama` is none of no_gamma, no_beta", "`no_gamma`"),
        (
            "  background: [linear_4]\n",
            "AG702",
            "the network has no layer `linear_4`",
            "`linear_2`",
        ),
        ("  split: [a]\n", "AG007", "`split` takes a mapping of names", ""),
        ("  ignore: ['{']\n", "AG701", "has a brace without its partner", ""),
        ("  factors: gamma\n", "AG007", "`factors` takes a mapping", "`layer_scale: Cx1x1`"),
        ("  factors: {gamma: 96x1}\n", "AG701", "`gamma` takes the sides of factors", "`Cx1x1`"),
        ("  factors: {gamma: [C]}\n", "AG701", "`gamma` takes the sides of factors", "`Cx1x1`"),
        ("  shared: {a: f}\n", "AG701", "`a` is to be `f` once more, which no line of", ""),
        ("  shared: {'a.{0..1}': f}\n", "AG701", "has braces of 2, and `f` of none", ""),
        ("  code: [a]\n", "AG007", "`code` takes a text", ""),
    ],
)
def test_a_slip_is_told_with_what_to_type(line: str, code: str, message: str, help: str) -> None:
    ((found, words, hint),) = told(HEAD + line + LAYERS)
    assert found == code
    assert message in words
    assert help in hint


def test_a_network_that_is_not_there_is_told_once() -> None:
    ((code, message, help),) = told((HEAD + LAYERS).replace("alexnet_torch", "alexnet_troch"))
    assert code == "AG701"
    assert "`alexnet_troch` cannot be used" in message
    assert "`alexnet_torch`" in help


@pytest.mark.parametrize("network", ["/etc/passwd.yaml", "../../../x.yaml"])
def test_a_network_outside_the_project_is_not_opened(network: str) -> None:
    ((code, message, _),) = told((HEAD + LAYERS).replace("alexnet_torch", network))
    assert code == "AG701"
    assert "outside the project" in message


@pytest.mark.parametrize("body", ["weights: 3\n", "weights: {}\n", "weights: {layers: {a: [b]}}\n"])
def test_what_is_no_map_is_a_finding_and_no_crash(body: str) -> None:
    assert told(f"archgen: 1\n{body}")


def test_a_map_is_read_as_it_was_written() -> None:
    chart = WeightMap(
        "net",
        "somebody's net",
        TF_SLIM,
        tuple(LayerLine(f"a.{i}.conv", f"Net/Conv2d_{i + 1}") for i in range(3)),
        ("gamma", "count"),
        ("linear",),
        (("Net/fused", ("a", "b")),),
        (("layer_scale", "Cx1x1"), ("gamma", "C")),
        tuple((f"Net/again_{i}", f"Net/Conv2d_{i + 1}") for i in range(3)),
        ("odd: name", "null"),
    )
    findings = Findings()
    again = read_map(SpecText("m.yaml", map_text(chart)), findings)
    assert not findings.diagnostics
    assert again is not None
    lines = tuple((line.ours, line.theirs) for line in again.layers)
    assert lines == tuple((line.ours, line.theirs) for line in chart.layers)
    plain = again._replace(layers=chart.layers, place=chart.place)
    assert plain == chart


def test_a_shipped_map_is_found_by_network_and_code() -> None:
    leaves = leaves_of(shipped("inception_v3_torch").sound_network())
    for code in ("timm", "torchvision"):
        found = shipped_map("inception_v3_torch", leaves, code)
        assert found is not None
        assert found[0] == f"weights/inception_v3_torch_{code}"
    assert shipped_map("inception_v3_torch", leaves, "cadene") is None


def test_of_maps_with_equal_names_that_which_leaves_nothing_out_is_taken_first() -> None:
    leaves = leaves_of(shipped("inception_v4_tf").sound_network())
    cadene = shipped_map("inception_v4_tf", leaves, "cadene")
    assert cadene is not None
    assert cadene[1].background == ("linear",)
    names = [line.theirs for line in cadene[1].layers]
    found = shipped_map("inception_v4_tf", leaves, "auto", names)
    assert found is not None
    assert found[0] == "weights/inception_v4_tf_timm"
