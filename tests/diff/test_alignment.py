"""Alignment: names that were given, order, likeness, and as few moves as can be."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from archgen.diff.alignment import Saying, aligned, out_of_order


def _saying(item: str) -> Saying:
    """`name=word word`: a name and what it says; a name of digits only counts."""
    name, _, words = item.partition("=")
    return Saying(name, lambda: words, lambda: Counter(words.split()), not name.isdigit())


def test_a_given_name_goes_before_what_is_said() -> None:
    pairs = aligned(["a=x", "b=y"], ["b=x", "a=y", "c=z"], _saying)
    assert pairs == [("b=y", "b=x"), ("a=x", "a=y"), (None, "c=z")]


def test_counted_names_give_way_to_the_order_where_something_was_put_in() -> None:
    before = ["1=x", "2=y", "3=z"]
    after = ["1=new", "2=x", "3=y", "4=z"]
    pairs = aligned(before, after, _saying)
    assert pairs == [(None, "1=new"), ("1=x", "2=x"), ("2=y", "3=y"), ("3=z", "4=z")]


def test_what_shares_most_is_paired_and_what_shares_little_is_not() -> None:
    pairs = aligned(["a=p q r s", "b=t"], ["c=p q r u", "d=v"], _saying)
    assert pairs == [("a=p q r s", "c=p q r u"), (None, "d=v"), ("b=t", None)]


@given(st.lists(st.sampled_from("abcd")), st.lists(st.sampled_from("abcd")))
def test_every_item_is_in_one_pair(before: list[str], after: list[str]) -> None:
    sides = [[f"{n}={word}" for n, word in enumerate(words)] for words in (before, after)]
    pairs = aligned(sides[0], sides[1], _saying)
    assert sorted(old for old, _ in pairs if old is not None) == sorted(sides[0])
    assert [new for _, new in pairs if new is not None] == sides[1]


@given(st.permutations(range(6)))
def test_as_few_are_out_of_order_as_can_be(places: list[int]) -> None:
    out = out_of_order(places)
    left = [place for number, place in enumerate(places) if number not in out]
    rising = [n for n in range(7) for c in combinations(places, n) if list(c) == sorted(c)]
    assert left == sorted(left)
    assert len(left) == max(rising)
