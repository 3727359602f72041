"""What a shell offers where a word of a command is begun: specs, blocks of one, codes.

A line that is half typed is often wrong; what cannot be read offers nothing, and says nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from click.shell_completion import CompletionItem

FILES = CompletionItem("", type="file")


def specs(begun: str) -> list[CompletionItem]:
    """Specs that come with archgen and YAML files of this folder; otherwise files as the shell has them."""
    from archgen.catalog import SUFFIXES, shipped_specs

    if "/" in begun:
        return [FILES]
    here = sorted(path.name for path in Path().glob("*") if path.suffix in SUFFIXES)
    names = [name for name in shipped_specs() if "/" not in name]
    return _beginning(begun, [*names, *here]) or [FILES]


def blocks(spec: str, begun: str) -> list[CompletionItem]:
    """The blocks that a spec uses, by their paths."""
    from archgen.cli.networks import compile_network
    from archgen.diagnostics import SpecError
    from archgen.render.drafting import uses

    if spec in ("", "-"):
        return []
    try:
        network = compile_network(spec).network
    except SpecError:
        return []
    return _beginning(begun, dict.fromkeys(use.path for use in uses(network)))


def codes(begun: str) -> list[CompletionItem]:
    """The codes of findings, each with its name."""
    from archgen.rules import RULES

    return [
        CompletionItem(rule.code, help=rule.summary)
        for rule in RULES
        if rule.code.startswith(begun.upper())
    ]


def _beginning(begun: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(begun) and _is_plain(word)]


def _is_plain(word: str) -> bool:
    """Whether a shell takes the word for one line: its protocol knows no escapes."""
    return not any(unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") for letter in word)
