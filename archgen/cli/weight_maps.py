"""Weight maps as files: read, checked beside the network that they name, and found among those shipped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from archgen import pipeline
from archgen.catalog import find, shipped_specs
from archgen.diagnostics import Findings, SpecError, did_you_mean
from archgen.rules import BAD_MAP
from archgen.spec.files import SpecText, read_spec, root_of
from archgen.weights.leaves import Leaf, leaves_of
from archgen.weights.maps import WeightMap, check_map, read_map


def read_whole_map(text: SpecText, findings: Findings) -> WeightMap | None:
    """The map in a file, held to the network that it names; None, with findings, where it is wrong."""
    chart = read_map(text, findings)
    if chart is None:
        return None
    try:
        network = pipeline.check(_network(chart, text)).sound_network()
    except SpecError as error:
        finding = error.diagnostics[0]
        message = f"the network `{chart.network}` cannot be used: {finding.message}"
        findings.add(BAD_MAP.at(chart.place, message, help=finding.help))
        return None
    found = list(check_map(chart, leaves_of(network)))
    findings.extend(found)
    return None if found else chart


def _network(chart: WeightMap, text: SpecText) -> SpecText:
    """The spec that a map names: one that comes with archgen, or a file of the map's own project."""
    shipped = shipped_specs()
    if chart.network in shipped:
        return read_spec(shipped[chart.network])
    base = text.path if text.path is not None else Path("-")
    path, root = base.parent / chart.network, root_of(base)
    if Path(chart.network).is_absolute() or not path.resolve().is_relative_to(root):
        raise SpecError([BAD_MAP.at(chart.place, "it lies outside the project of the map")])
    if path.suffix not in (".yaml", ".yml"):
        near = did_you_mean(chart.network, shipped)
        help = (
            f"did you mean `{near}`?" if near else "write a path, or a name that comes with archgen"
        )
        raise SpecError([BAD_MAP.at(chart.place, "there is no such spec", help=help)])
    return read_spec(path, within=root)


def sound_map(name: str, leaves: Sequence[Leaf]) -> WeightMap:
    """A map from a file, sound beside the layers of a network. Raises SpecError."""
    text = read_spec(find(name))
    findings = Findings()
    chart = read_map(text, findings)
    if chart is not None:
        findings.extend(check_map(chart, leaves))
    if chart is None or findings.has_errors:
        raise SpecError(findings.diagnostics, {text.source: text.text})
    return chart


def shipped_map(
    network: str, leaves: Sequence[Leaf], code: str, theirs: Collection[str] | None = None
) -> tuple[str, WeightMap] | None:
    """A map that comes with archgen for a network, by its name: of `code`, or `auto`matically of any.

    All layers that it names must be among `theirs`, where those are known.
    """
    for name, path in shipped_specs().items():
        chart = _map_for(network, path) if name.startswith("weights/") else None
        if chart is None or any(check_map(chart, leaves)):
            continue
        is_there = theirs is None or {line.theirs for line in chart.layers} <= set(theirs)
        if is_there and code in ("auto", chart.code.partition(" ")[0]):
            return name, chart
    return None


def map_in(metadata: Mapping[str, str], leaves: Sequence[Leaf]) -> WeightMap | None:
    """The map by which weights were imported, as their file records it; None where it has no sound one."""
    text = SpecText("<the map in the weights>", metadata.get("map", ""))
    chart = read_map(text, Findings()) if text.text else None
    return None if chart is None or any(check_map(chart, leaves)) else chart


def _map_for(network: str, path: Path) -> WeightMap | None:
    """The map in a file that is called after a network; None where it is another's."""
    if not path.name.startswith(network):
        return None
    chart = read_map(read_spec(path), Findings())
    return chart if chart is not None and chart.network == network else None
