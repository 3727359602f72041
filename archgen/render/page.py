"""The explorer as one HTML file that needs nothing else: no server, no other file, no network.

Its policy (CSP) lets the browser use the one style and the one script of this file, by their hashes, and
nothing else; `live` pages may listen to the server they come from.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

from archgen.cost import Cost
from archgen.diagnostics import Diagnostic
from archgen.render.drawing import Box
from archgen.render.explorer import Explorer, Section, Stage
from archgen.render.figure import arrow_heads, figure
from archgen.render.markup import element, html_text, source
from archgen.render.outline import Outline
from archgen.render.styles import STYLES, Style
from archgen.render.wording import shape_words

HERE = Path(__file__).parent
HELP = "7x1, b3x3, 384"
_EXCERPT = re.compile(r" *(\d+ )?\||$")  # what stands in columns; a note (` = `) does not


class Finding(NamedTuple):
    """A finding and how a reporter draws it."""

    diagnostic: Diagnostic
    report: str


class Look(NamedTuple):
    """How a page is shown: in the colours of `style`, with `depth` levels open.

    A page of some `edition` is live: it listens to the server that it comes from, and loads anew when
    there is another.
    """

    style: str = "paper"
    depth: int = 1
    edition: str = ""


LOOK = Look()


def explorer_page(explorer: Explorer, findings: Sequence[Finding] = (), look: Look = LOOK) -> str:
    """The page of a network, the same text at every call."""
    page = _Page(explorer, look)
    parts = [*_findings(findings), *page.overview(), page.stages()]
    return _html(explorer.outline.name, _header(explorer.outline), parts, look)


def findings_page(
    name: str, findings: Sequence[Finding], look: Look, why: str = "no network to show"
) -> str:
    """The page of a spec that there is no picture of, and why there is none."""
    return _html(name, element("p", {}, why), _findings(findings), look)


def _html(
    name: str, about: Element, parts: Iterator[Element] | Sequence[Element], look: Look
) -> str:
    style = _style(look)
    scripts = ["explorer.js", *(["reload.js"] if look.edition else [])]
    script = "\n".join(_file(name) for name in scripts)
    head = element(
        "head",
        {},
        element("meta", {"charset": "utf-8"}),
        element(
            "meta",
            {"http-equiv": "Content-Security-Policy", "content": policy(style, script, look)},
        ),
        element("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("meta", {"name": "color-scheme", "content": "light dark"}),
        element("title", {}, f"{name} - archgen"),
        source("style", style),
    )
    body = element(
        "body",
        {},
        element("header", {}, element("h1", {}, name), about, *_controls()),
        arrow_heads(),
        element("main", {}, *parts),
        element("div", {"id": "page:details", "role": "tooltip", "hidden": ""}),
        source("script", script),
    )
    theme = {"data-theme": "dark"} if look.style == "dark" else {}
    theme |= {"data-edition": look.edition} if look.edition else {}
    return html_text(element("html", {"lang": "en", **theme}, head, body))


def policy(style: str, script: str, look: Look) -> str:
    """The content security policy: nothing but this style and this script."""
    rules = ["default-src 'none'", f"style-src '{_hash(style)}'", f"script-src '{_hash(script)}'"]
    rules += ["base-uri 'none'", "form-action 'none'"]
    return "; ".join([*rules, *(["connect-src 'self'"] if look.edition else [])])


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _style(look: Look) -> str:
    """The style sheet, with the colours of pictures as its variables."""
    light = _colours(STYLES["paper" if look.style == "dark" else look.style])
    dark = _colours(STYLES["dark"])
    at_night = f"@media (prefers-color-scheme: dark) {{:root:not([data-theme=light]) {{{dark}}}}}"
    return "\n".join(
        [
            f":root {{{light}}}",
            at_night,
            f":root[data-theme=dark] {{{dark}}}",
            _file("explorer.css"),
        ]
    )


def _colours(style: Style) -> str:
    names = {"paper": style.background, "ink": style.ink, "border": style.border}
    names |= {f"fill-{kind}": colour for kind, colour in style.fills.items()}
    names |= style.page
    return " ".join(f"--{name}: {colour};" for name, colour in names.items())


def _header(outline: Outline) -> Element:
    output = "?" if outline.output is None else str(outline.output)
    facts = [outline.source, f"{outline.input} -> {output}"]
    if outline.cost is not None:
        facts += [f"{outline.cost.params:,} params", f"{outline.cost.macs:,} MACs"]
    return element("p", {}, ", ".join(filter(None, facts)))


def _controls() -> Iterator[Element]:
    box = {"id": "page:search", "type": "search", "placeholder": HELP, "autocomplete": "off"}
    label = element("label", {"for": "page:search"}, "Search ", element("kbd", {}, "/"))
    found = element("output", {"id": "page:found", "for": "page:search"})
    yield element("div", {"role": "search"}, label, element("input", box), found)
    yield element("button", {"id": "page:all", "type": "button"}, "Open all")
    yield element("button", {"id": "page:theme", "type": "button"}, "Dark")


def _findings(findings: Sequence[Finding]) -> list[Element]:
    """What is wrong, the report of each as on a terminal."""
    if not findings:
        return []
    title = element("h2", {"id": "page:findings"}, "Findings")
    rows = [_finding(number, finding) for number, finding in enumerate(findings)]
    attributes = {"class": "findings", "aria-labelledby": "page:findings"}
    return [element("section", attributes, title, *rows)]


def _finding(number: int, finding: Finding) -> Element:
    found = finding.diagnostic
    line = f"{found.severity}[{found.rule.code}]: {found.message} ({found.span})"
    summary = element("summary", {"class": str(found.severity)}, line)
    report = element("pre", {"tabindex": "0"}, *_report(finding.report))
    attributes = {"id": f"page:finding-{number}", **({"open": ""} if number == 0 else {})}
    return element("details", attributes, summary, report)


def _report(report: str) -> Iterator[str | Element]:
    """The lines of a report: those with words alone may be broken, an excerpt stays as it is."""
    for line in report.splitlines():
        if _EXCERPT.match(line):
            yield f"{line}\n"
        else:
            yield element("span", {"class": "words"}, line)


class _Page:
    """The rows and figures of one explorer."""

    def __init__(self, explorer: Explorer, look: Look) -> None:
        self._explorer = explorer
        self._look = look

    def overview(self) -> Iterator[Element]:
        """The figure of the whole, where the column of stages does not say it all."""
        if self._explorer.is_chain:
            return
        layout, stages = self._explorer.overview, self._explorer.stages
        rows = {layout.drawing.boxes[0].path, *(stage.row.path for stage in stages)}
        picture = figure(
            layout, "", lambda box: box.path if box.path in rows else self._target(box)
        )
        title = element("h2", {"id": "page:overview"}, "Overview")
        scroll = element("div", {"class": "figure", "tabindex": "0", "role": "region"}, picture)
        scroll.set("aria-labelledby", "page:overview")
        yield element("section", {}, title, scroll)

    def stages(self) -> Element:
        """A row for each stage, from the input upwards as in the paper."""
        explorer = self._explorer
        rows = [self._input(), *(self._stage(stage) for stage in explorer.stages)]
        kind = "stages chain" if explorer.is_chain else "stages"
        title = element("h2", {"id": "page:stages"}, "Stages")
        return element(
            "section",
            {"aria-labelledby": "page:stages"},
            title,
            element("ol", {"class": kind}, *rows),
        )

    def _input(self) -> Element:
        start = self._explorer.overview.drawing.boxes[0]
        row = self._row("div", start, None)
        return element("li", {"id": start.path, "class": "stage"}, row)

    def _stage(self, stage: Stage) -> Element:
        is_broken = bool(stage.row.codes or stage.box.faults)
        attributes = {"id": stage.row.path, "class": "stage broken" if is_broken else "stage"}
        if not stage.sections:
            return element("li", attributes, self._row("div", stage.box, stage))
        row = self._row("summary", stage.box, stage)
        inside = stage.sections
        body = [self._section(section, 2) for section in inside]
        if len(inside) == 1 and inside[0].use.path == stage.row.path:
            body = self._body(inside[0], 2)
        opened = {"open": ""} if self._look.depth > 1 or is_broken else {}
        return element("li", attributes, element("details", opened, row, *body))

    def _row(self, tag: str, box: Box, stage: Stage | None) -> Element:
        """What is always to be seen of a stage, or of the input."""
        words = " ".join(box.lines)
        faults = [element("span", {"class": "fault"}, fault) for fault in box.faults]
        size = shape_words(box.output)
        cells = [
            element("span", {"class": f"box {box.kind}"}, words),
            element("span", {"class": "output"}, f"Output: {size}" if stage else size, *faults),
            *(self._shares(stage) if stage else ()),
        ]
        details = {"data-details": "\n".join([*box.tooltip, *box.faults])}
        focus = {} if tag == "summary" else {"tabindex": "0", "role": "group", "aria-label": words}
        return element(tag, {"class": "row", **focus, **details}, *cells)

    def _shares(self, stage: Stage) -> Iterator[Element]:
        cost, total = stage.row.cost, self._explorer.outline.cost
        if cost is None:
            return
        whole = total if total is not None and not stage.is_apart else Cost()
        yield _share("params", cost.params, whole.params)
        yield _share("MACs", cost.macs, whole.macs)

    def _section(self, section: Section, level: int) -> Element:
        """A block inside another, to be opened."""
        opened = {"open": ""} if level < self._look.depth else {}
        name = section.layout.drawing.title
        words = f"{name}, {section.use.path}: {shape_words(section.use.block.output)}"
        summary = element("summary", {"class": "inner"}, words)
        body = self._body(section, level + 1)
        return element("details", {"id": section.use.path, **opened}, summary, *body)

    def _body(self, section: Section, level: int) -> list[Element]:
        """A block's caption and figure, and the blocks inside it."""
        block = section.use.block
        arguments = f" {block.scope_text()}" if block.arguments else ""
        caption = f"{block.block.name}{arguments}. {block.block.source}".rstrip(". ")
        picture = figure(section.layout, section.use.path, self._target)
        label = {"aria-label": f"figure of {section.use.path}", "role": "region", "tabindex": "0"}
        inner = [self._section(other, level) for other in section.inner]
        return [
            element("p", {"class": "caption"}, caption),
            element("div", {"class": "figure", **label}, picture),
            *inner,
        ]

    def _target(self, box: Box) -> str:
        return self._explorer.paths.get(id(box.block), "") if box.block is not None else ""


def _share(what: str, part: int, whole: int) -> Element:
    """A bar as long as the part is of the whole, with the numbers; of no whole, only the number."""
    if not whole:
        return element("span", {"class": "share"}, f"{part:,} {what}")
    percent = 100 * part / whole
    size = {"viewBox": "0 0 100 8", "preserveAspectRatio": "none", "aria-hidden": "true"}
    bar = element(
        "svg",
        size,
        element("rect", {"class": "whole", "width": "100", "height": "8"}),
        element("rect", {"class": "part", "width": f"{percent:.1f}", "height": "8"}),
    )
    numbers = element("span", {}, f"{part:,} {what}, {percent:.1f}%")
    return element("span", {"class": f"share {what.lower()}"}, bar, numbers)
