"""The page: one file that asks for nothing, runs nothing, and holds what others wrote as text alone."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.resources import files
from xml.etree.ElementTree import Element, SubElement, tostring

from archgen.harmless import harmless
from archgen.report.chart import svg
from archgen.report.curves import Look, looks
from archgen.report.figures import figures
from archgen.report.runs import RunRecord
from archgen.report.tables import Table, commands, results, settings

FRAMES = "In the first tenth of a run its curves may run out of the frame, as the paper's do."


def page(runs: Sequence[RunRecord], version: str) -> str:
    """Runs overlaid, as a whole HTML document; equal runs make equal pages.

    `version` is that of archgen, for the last line.
    """
    seen = looks(runs)
    root = Element("html", {"lang": "en"})
    root.append(_head(runs))
    body = SubElement(root, "body")
    _add(body, "h1", ", ".join(run.name for run in runs) if len(runs) < 4 else f"{len(runs)} runs")
    body.append(_key(runs, seen))
    drawn = SubElement(body, "div", {"class": "figures"})
    for figure in figures(runs, seen):
        holder = SubElement(drawn, "figure")
        holder.append(svg(figure))
        _add(holder, "figcaption", figure.caption)
    _add(body, "p", FRAMES, "note")
    _section(body, "Results", [_table(results(runs)), *_remarks(runs)])
    alike = "Settings" if len(runs) == 1 else "Settings that differ"
    _section(body, alike, [_table(settings(runs))])
    _section(body, "To run them again", [_commands(run) for run in runs])
    _add(body, "footer", f"archgen {version}")
    return f"<!DOCTYPE html>\n{tostring(root, encoding='unicode', method='html')}\n"


def _head(runs: Sequence[RunRecord]) -> Element:
    head = Element("head")
    SubElement(head, "meta", {"charset": "utf-8"})
    style = files("archgen.report").joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": policy})
    width = {"name": "viewport", "content": "width=device-width, initial-scale=1"}
    SubElement(head, "meta", width)
    _add(head, "title", f"archgen: {', '.join(run.name for run in runs[:4])}")
    _add(head, "style", style)
    return head


def _key(runs: Sequence[RunRecord], seen: Sequence[Look]) -> Element:
    """Each run with its line."""
    key = Element("ul", {"class": "key"})
    for run, look in zip(runs, seen, strict=True):
        item = SubElement(key, "li")
        swatch = SubElement(item, "svg", {"viewBox": "0 0 30 10", "aria-hidden": "true"})
        ends = {"x1": "1", "y1": "5", "x2": "29", "y2": "5", "class": look.classes}
        SubElement(swatch, "line", ends)
        _add(item, "span", run.name)
        _add(item, "span", f"{run.network}, {run.status}", "note")
    return key


def _remarks(runs: Iterable[RunRecord]) -> list[Element]:
    """A line for each run with lines that are no reports."""
    remarks = []
    for run in runs:
        if run.unread:
            what = "line is no report" if run.unread == 1 else "lines are no reports"
            remark = Element("p", {"class": "note"})
            remark.text = f"{run.name}: {run.unread:,} {what} of archgen's and left out"
            remarks.append(remark)
    return remarks


def _section(body: Element, title: str, content: Iterable[Element]) -> None:
    section = SubElement(body, "section")
    _add(section, "h2", title)
    section.extend(content)


def _table(table: Table) -> Element:
    """A table that scrolls by itself where it is wider than the page."""
    holder = Element("div", {"class": "wide"})
    made = SubElement(holder, "table")
    row = SubElement(SubElement(made, "thead"), "tr")
    for head in table.heads:
        SubElement(row, "th", {"scope": "col"}).text = head
    body = SubElement(made, "tbody")
    for name, *cells in table.rows:
        row = SubElement(body, "tr")
        SubElement(row, "th", {"scope": "row"}).text = name
        for cell in cells:
            _add(row, "td", cell)
    return holder


def _commands(run: RunRecord) -> Element:
    holder = Element("div")
    _add(holder, "h3", run.name)
    _add(holder, "pre", "\n".join(map(harmless, commands(run))))
    return holder


def _add(parent: Element, tag: str, text: str, look: str = "") -> Element:
    element = SubElement(parent, tag, {"class": look} if look else {})
    element.text = text
    return element
