"""Any text at all: findings, never an exception, and soon."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from archgen.pipeline import Compilation, check
from archgen.spec.files import SpecText
from tests.compiling import NETWORKS, SPECS

LONGEST = 2.0
TOKEN = re.compile(r"[A-Za-z_][\w.]*|[0-9][\w.]*|\s+|.", re.DOTALL)
TEXTS = {name: (SPECS / f"{name}.yaml").read_text() for name in NETWORKS}
TOKENS = {name: TOKEN.findall(text) for name, text in TEXTS.items()}
OTHERS = st.sampled_from(
    [
        *"0 -1 1 3 1e309 .inf .nan 99999999999 1x7 0x7 ~ true yes i in in.channels here".split(),
        *"x 'x' \"x\" [] {} [[]] {a: [}] [ ] { } : - , # & * ! | > % @ ` ? << --- ...".split(),
        *"conv concat residual add repeat when from id expect errata body variant params use".split(),
        *"relu same valid network blocks __init__ self lambda 1//0 a/b min() f(x) é 名".split(),
        "\n",
        "\n  ",
        "\t",
        "  ",
        "\x00",
        "\u2028",
        "\ufeff",
        "import os",
    ]
)
SLOW = hypothesis_settings(
    max_examples=70,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def survives(text: str, name: str = "spec.yaml") -> Compilation:
    """What becomes of a text, which must be told soon and without an exception."""
    began = process_time()
    compilation = check(SpecText(name, text, SPECS / name))
    assert process_time() - began < LONGEST
    for finding in compilation.diagnostics:
        assert finding.message
        assert finding.span.start <= finding.span.end
        assert finding.span.start >= (1, 1)
        assert finding.span.source in compilation.sources
    is_sound = all(finding.severity != "error" for finding in compilation.diagnostics)
    assert not is_sound or compilation.file is not None
    return compilation


@given(st.text(max_size=200))
@hypothesis_settings(max_examples=100, deadline=None)
def test_random_text_is_told_what_is_wrong_with_it(text: str) -> None:
    assert survives(text).network is None


@given(st.lists(OTHERS, max_size=40).map(" ".join))
@hypothesis_settings(max_examples=100, deadline=None)
def test_random_words_of_the_language_are_told_what_is_wrong_with_them(text: str) -> None:
    assert survives(f"archgen: 1\nname: n\ninput: {{channels: 3, grid: 8}}\nnetwork: {text}\n")


@st.composite
def places(draw: st.DrawFn) -> tuple[str, int]:
    """One token of one spec of this project."""
    name = draw(st.sampled_from(NETWORKS))
    return name, draw(st.integers(0, len(TOKENS[name]) - 1))


def changed(place: tuple[str, int], tokens: list[str]) -> str:
    """The text of a spec with one token exchanged for others."""
    name, index = place
    before, after = TOKENS[name][:index], TOKENS[name][index + 1 :]
    return "".join([*before, *tokens, *after])


@given(places())
@SLOW
def test_a_spec_without_one_of_its_tokens_survives(place: tuple[str, int]) -> None:
    assert survives(changed(place, []), f"{place[0]}.yaml").sources


@given(places())
@SLOW
def test_a_spec_with_one_token_twice_survives(place: tuple[str, int]) -> None:
    token = TOKENS[place[0]][place[1]]
    assert survives(changed(place, [token, token]), f"{place[0]}.yaml").sources


@given(places(), OTHERS)
@SLOW
def test_a_spec_with_one_token_exchanged_survives(place: tuple[str, int], other: str) -> None:
    assert survives(changed(place, [other]), f"{place[0]}.yaml").sources


@given(st.sampled_from(NETWORKS), st.data())
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_spec_that_is_cut_off_survives(name: str, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(TEXTS[name])))
    assert survives(TEXTS[name][:end], f"{name}.yaml").sources


@pytest.mark.parametrize("name", NETWORKS)
def test_every_spec_of_this_project_is_sound_and_soon_checked(name: str) -> None:
    assert not survives(TEXTS[name], f"{name}.yaml").diagnostics
