"""Findings for people and for programs: each format is a function from diagnostics to lines.

A reporter decides nothing: what counts as an error, the order of findings and whether colours are
wanted is settled before. Whatever it shows of a user's text is made harmless first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from archgen.cli.palette import Palette
from archgen.cli.reporters.concise import concise
from archgen.cli.reporters.full import full
from archgen.cli.reporters.github import github
from archgen.cli.reporters.gitlab import gitlab
from archgen.cli.reporters.json_document import json_document
from archgen.cli.reporters.sarif import sarif
from archgen.cli.reporters.tally import Tally, closing_line
from archgen.diagnostics import Diagnostic

__all__ = [
    "REPORTERS",
    "Reporter",
    "Tally",
    "closing_line",
    "concise",
    "full",
    "github",
    "gitlab",
    "json_document",
    "sarif",
]

Reporter = Callable[[Sequence[Diagnostic], Mapping[str, str], Palette], Iterator[str]]

REPORTERS: Mapping[str, Reporter] = {
    "full": full,
    "concise": concise,
    "json": json_document,
    "github": github,
    "gitlab": gitlab,
    "sarif": sarif,
}
