"""A difference of which one side is no network: what the other is, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator

from archgen.diff.compare import Findings
from archgen.diff.document import SCHEMA, finding_document, side_document
from archgen.diff.markdown import failure
from archgen.ir.shaped import ShapedNetwork
from archgen.render.markdown import code_span
from archgen.render.outline import outline
from archgen.render.summary import summary_markdown

Networks = tuple[ShapedNetwork | None, ShapedNetwork | None]
Names = tuple[str, str]
MOST_FINDINGS = 50
SIDES = ("before", "after")


def lone_verdict(networks: Networks, names: Names) -> str:
    """What is missing."""
    lost = [name for network, name in zip(networks, names, strict=True) if network is None]
    return f"Not compared: {' and '.join(lost)} cannot be read as a network."


def lone_document(
    networks: Networks, names: Names, findings: tuple[Findings, Findings]
) -> dict[str, object]:
    """The same document as of a difference; what is not known is null."""
    sides = zip(SIDES, networks, names, strict=True)
    return {
        "schema": SCHEMA,
        **{side: side_document(network, name) for side, network, name in sides},
        "severity": None,
        "is_known": False,
        "tensors": None,
        "changes": [],
        "parts": [],
        "ripple": [],
        "failed": [finding_document(found) for found in findings[1]],
        "mended": [finding_document(found) for found in findings[0]],
        "lasting": [],
    }


def lone_markdown(networks: Networks, names: Names, findings: tuple[Findings, Findings]) -> str:
    """A comment that says so, with the findings and the summary of what there is."""
    return "\n\n".join(_sections(networks, names, findings)) + "\n"


def _sections(
    networks: Networks, names: Names, findings: tuple[Findings, Findings]
) -> Iterator[str]:
    lost = [
        code_span(name) for network, name in zip(networks, names, strict=True) if network is None
    ]
    yield f"**Not compared:** {' and '.join(lost)} cannot be read as a network."
    broken = [
        found
        for network, these in zip(networks, findings, strict=True)
        if network is None
        for found in these
    ]
    yield "\n".join(f"- {failure(found)}" for found in broken[:MOST_FINDINGS])
    for network in networks:
        if network is not None:
            yield summary_markdown(outline(network, 1, ()))
