"""Who set a value: chains of origins from small specs."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from archgen.pipeline import check
from archgen.spec.files import read_spec
from archgen.why import MAX_LINKS, By, NoSuchPlace, Why, why
from tests.compiling import compiled, network_of

SPEC = """\
archgen: 1
name: net
input: {channels: 3, grid: 16}
params: {num_classes: {type: int, default: 10}}
defaults:
  conv: {padding: same, bias: false}
blocks:
  cell:
    params: {width: {type: int, default: 4}, wide: {type: int, default: 2 * width}}
    variants: {small: {width: 2}}
    body:
      - conv: {filters: wide, kernel: 3, padding: 1}
      - conv: {filters: in.channels, kernel: 1}
        when: width > 1
  pair:
    params: {width: int}
    body:
      - cell: {width: width}
      - cell: {variant: small}
network:
  - pair: {width: 8}
  - conv: {filters: i + 1, kernel: 1}
    repeat: 3
  - global_avg_pool
  - linear: {features: num_classes}
outputs:
  aux: {from: pair, body: [{global_avg_pool: {}}, {linear: {features: 2 * num_classes}}]}
"""


def one(path: str, yaml: str = SPEC) -> Why:
    (found,) = why(network_of(yaml), path)
    return found


def links(found: Why) -> list[tuple[str, By, str, int]]:
    """Each link but for those overridden: where it stands as its line."""
    return [
        (link.name, link.by, "" if link.span is None else str(link.span.start.line), link.depth)
        for link in found.chain
        if not link.over
    ]


def overridden(found: Why) -> list[By]:
    return [link.by for link in found.chain if link.over]


def test_a_setting_is_followed_through_params_and_uses() -> None:
    found = one("pair.cell.conv.filters")
    assert found.value == 16
    assert links(found) == [
        ("filters", By.STEP, "12", 0),
        ("wide", By.PARAM, "9", 1),
        ("width", By.USE, "18", 2),
        ("width", By.USE, "21", 3),
    ]


def test_a_variant_comes_before_the_default_of_the_param() -> None:
    found = one("pair.cell_2.width")
    assert links(found) == [("width", By.VARIANT, "10", 0)]
    assert overridden(found) == [By.PARAM]
    assert found.chain[0].owner == "cell.small"


def test_a_step_comes_before_the_defaults_and_those_before_the_op() -> None:
    own, general, built_in = (one(f"pair.cell.conv.{n}") for n in ("padding", "bias", "stride"))
    assert links(own) == [("padding", By.STEP, "12", 0)]
    assert overridden(own) == [By.DEFAULTS]
    assert links(general) == [("bias", By.DEFAULTS, "6", 0)]
    assert overridden(general) == [By.OP]
    assert links(built_in) == [("stride", By.OP, "", 0)]


def test_shapes_and_the_number_of_an_instance_are_told_with_their_values() -> None:
    filters, nth = one("pair.cell.conv_2.filters"), one("conv.1.filters")
    shape, index = filters.chain[1], nth.chain[1]
    assert (shape.name, shape.by, shape.owner, shape.value) == (
        "in.channels",
        By.SHAPE,
        "pair.cell",
        3,
    )
    assert (nth.value, index.by, index.value) == (2, By.INDEX, 1)


def test_keys_of_a_step_and_params_of_the_network_have_origins_too() -> None:
    assert links(one("conv.repeat")) == [("repeat", By.STEP, "23", 0)]
    assert one("pair.cell.conv_2.when").value is True
    assert links(one("num_classes")) == [("num_classes", By.PARAM, "4", 0)]


def test_without_a_number_the_last_instance_is_meant_and_without_a_setting_all() -> None:
    assert one("conv.filters").value == 3
    found = why(network_of(SPEC), "pair.cell")
    assert [(each.setting, each.value) for each in found] == [("width", 8), ("wide", 16)]


def test_a_path_may_begin_as_that_of_an_edit_does() -> None:
    assert one("network.pair.width") == one("pair.width")
    assert one("params.num_classes") == one("num_classes")
    assert one("outputs.aux.linear.features").value == 20


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("pairs.width", "the network has no `pairs`: did you mean `pair`?"),
        ("pair.cell.conv.filter", "has no `filter`: did you mean `pair.cell.conv.filters`?"),
        ("pair.cell.conv.filters.x", "`pair.cell.conv` has no"),
        ("conv.7.filters", "`conv` has no `7`: it has 0, 1, 2, filters"),
        ("conv.99999999999999999999", "`conv` has no"),
        ("", "the network has no ``"),
        ("..", "the network has no `..`"),
        ("network", "the network has no `network`"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, told: str) -> None:
    with pytest.raises(NoSuchPlace) as raised:
        why(network_of(SPEC), path)
    assert told in str(raised.value)


def test_what_an_error_hides_is_not_known() -> None:
    broken = compiled(SPEC.replace("kernel: 3, padding: 1", "kernel: 30, padding: 1")).network
    assert broken is not None
    (found,) = why(broken, "pair.cell.conv_2.filters")
    assert not found.is_known
    assert found.chain[0].by is By.STEP


def test_long_and_bushy_chains_end() -> None:
    params = "".join(
        f"  p{n}: {{type: int, default: p{n - 1} + 0 * p{max(0, n - 2)}}}\n" for n in range(1, 300)
    )
    yaml = (
        "archgen: 1\nname: net\ninput: {channels: 3, grid: 8}\nparams:\n"
        f"  p0: {{type: int, default: 4}}\n{params}"
        "network:\n  - conv: {filters: p299, kernel: 1, padding: 0}\n"
    )
    found = one("conv.filters", yaml)
    assert found.value == 4
    assert MAX_LINKS < len(found.chain) < 3 * MAX_LINKS


# ---------------------------------------------------------------------------------------------- edits


def edited(folder: Path, *, edits: str, base: str = "base.yaml") -> Path:
    (folder / "base.yaml").write_text(SPEC)
    path = folder / f"on_{base}"
    path.write_text(f"archgen: 1\nname: other\nextends: {base}\nedit:\n{dedent(edits)}")
    return path


def told(path: Path, place: str) -> Why:
    compilation = check(read_spec(path))
    assert compilation.file is not None
    (found,) = why(compilation.sound_network(), place, compilation.file.edits)
    return found


def test_an_edit_is_told_with_what_it_took_the_place_of(tmp_path: Path) -> None:
    path = edited(tmp_path, edits="- {at: network.pair.width, set: 6}\n")
    own, base = told(path, "pair.cell.width").chain[1:3]
    assert (own.by, own.over) == (By.USE, False)
    assert own.span is not None
    assert own.edit is not None
    assert (own.span.source, own.edit.start.line) == (str(path), 5)
    assert (base.by, base.over, base.edit) == (By.BASE, True, None)
    assert base.span is not None
    assert (base.span.source, base.span.start.line) == (str(tmp_path / "base.yaml"), 21)


def test_edits_of_several_files_are_told_the_last_one_first(tmp_path: Path) -> None:
    edited(tmp_path, edits="- {at: network.pair.width, set: 6}\n")
    path = edited(tmp_path, base="on_base.yaml", edits="- {at: network.pair.width, set: 5}\n")
    chain = told(path, "pair.width").chain
    assert [link.span.source.rpartition("/")[2] for link in chain if link.span] == [
        "on_on_base.yaml",
        "on_base.yaml",
        "base.yaml",
    ]
    assert [link.edit is not None for link in chain] == [True, True, False]


def test_a_step_that_an_edit_put_there_and_a_key_it_added(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        edits="""\
        - {at: network.pair, after: {conv: {filters: 7, kernel: 1}, id: between}}
        - {at: network.linear.bias, set: false}
        - {at: defaults.conv.bias, set: true}
        - {at: blocks.cell.body.0.padding, remove: true}
        """,
    )
    between, added, general = (
        told(path, place) for place in ("between.filters", "linear.bias", "pair.cell.conv.bias")
    )
    assert [link.edit is not None for link in between.chain] == [True]
    assert [(link.by, link.edit is not None) for link in added.chain] == [
        (By.STEP, True),
        (By.OP, False),
    ]
    assert [link.by for link in general.chain] == [By.DEFAULTS, By.BASE, By.OP]
    assert [link.by for link in told(path, "pair.cell.conv.padding").chain] == [By.DEFAULTS]
