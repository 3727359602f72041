"""A difference as one self-contained page: no script, no request, and only the style that it names."""

from __future__ import annotations

import hashlib
import html
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from archgen.diagnostics import Diagnostic
from archgen.diff.compare import Difference
from archgen.diff.pictures import WORDS, Picture
from archgen.diff.ripple import ripple
from archgen.diff.wording import (
    COLUMNS,
    KINDS,
    change_cells,
    closing,
    place,
    ripple_words,
    row_cells,
    total_cells,
    verdict,
)
from archgen.render.plain import shown

STYLE = Path(__file__).with_name("page.css")
OF_NUMBERS = range(3, 8)
LONG_LIST = 15


def difference_page(
    difference: Difference, names: tuple[str, str], pictures: Sequence[tuple[str, Picture]]
) -> str:
    """The page; `pictures` have titles."""
    return _page(names, verdict(difference), _sections(difference, pictures))


def lone_page(
    names: tuple[str, str],
    message: str,
    findings: Iterable[Diagnostic],
    pictures: Sequence[tuple[str, Picture]],
) -> str:
    """The page where one side is no network: `message`, what stands in the way, and the other side."""
    return _page(names, message, [*map(_failure, findings), *_figures(pictures)])


def _page(names: tuple[str, str], headline: str, body: Iterable[str]) -> str:
    style = STYLE.read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(' → '.join(names))}</title>",
        f"<style>{style}</style>",
        "<main>",
        f"<h1>{text(headline)}</h1>",
        f"<p><code>{text(names[0])}</code> → <code>{text(names[1])}</code></p>",
        *body,
        "</main>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def text(words: str) -> str:
    """Words of a spec as text of a page: no markup, nothing that hides or reorders."""
    return html.escape(shown(words))


def _sections(difference: Difference, pictures: Sequence[tuple[str, Picture]]) -> Iterator[str]:
    yield from map(_failure, difference.failed)
    yield from (_failure(found, ", on both sides") for found in difference.lasting)
    yield from (_failure(found, ", mended", "mended") for found in difference.mended)
    yield from _changes(difference)
    yield from _effects(difference)
    yield "<h2>Side by side</h2>"
    yield from _figures(pictures)


def _failure(found: Diagnostic, then: str = "", look: str = "failed") -> str:
    at = f"<code>{text(place(found.span))}</code>{then}"
    return f'<p class="{look}"><b>{found.rule.code}</b> {text(found.message)} in {at}</p>'


def _figures(pictures: Sequence[tuple[str, Picture]]) -> Iterator[str]:
    for name, picture in pictures:
        yield f"<figure><figcaption>{text(name)}</figcaption>"
        yield f'<div class="paper" tabindex="0" role="group" aria-label="{text(name)}">'
        yield f"{picture.svg}</div></figure>"


def _effects(difference: Difference) -> Iterator[str]:
    yield "<h2>What it does</h2>"
    rows = [row for row in difference.rows if row.sign]
    if rows:
        body = [(KINDS[row.sign], row_cells(row)) for row in rows]
        yield from _table(COLUMNS, [*body, ("total", total_cells(difference))])
        key = (f'<span class="{kind}">{words}</span>' for kind, words in WORDS.items())
        yield f'<p class="key">{"".join(key)}</p>'
    told = [f"<li>{text(ripple_words(widened))}</li>" for widened in ripple(difference)]
    if told:
        yield "\n".join(["<ul>", *told, "</ul>"])
    yield f"<p>{text(closing(difference))}</p>"


def _table(head: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    yield '<div class="scroll" tabindex="0" role="group" aria-label="parts"><table>'
    cells = (f"<th{_class(n)}>{text(word)}</th>" for n, word in enumerate(head))
    yield f"<thead><tr>{''.join(cells)}</tr></thead><tbody>"
    for kind, (sign, *words) in rows:
        inner = (f"<td{_class(n)}>{text(word)}</td>" for n, word in enumerate(words, 1))
        yield f'<tr class="{"total" if kind == "total" else "part"}">'
        yield f'<td class="sign {kind}">{text(sign)}</td>{"".join(inner)}</tr>'
    yield "</tbody></table></div>"


def _class(column: int) -> str:
    return ' class="number"' if column in OF_NUMBERS else ""


def _changes(difference: Difference) -> Iterator[str]:
    """What was changed; a long list is folded."""
    if not difference.changes:
        return
    count = len(difference.changes)
    is_open = " open" if count <= LONG_LIST else ""
    yield "<h2>What was changed</h2>"
    yield f"<details{is_open}><summary>{count} own change{'s' if count > 1 else ''}</summary>"
    yield '<div class="scroll" tabindex="0" role="group" aria-label="changes"><table><tbody>'
    kinds = {"+": "new", "-": "gone"}
    for sign, *words in map(change_cells, difference.changes):
        inner = "".join(f'<td class="code">{text(word)}</td>' for word in words)
        kind = kinds.get(sign, "changed")
        yield f'<tr><td class="sign {kind}">{text(sign)}</td>{inner}</tr>'
    yield "</tbody></table></div></details>"
