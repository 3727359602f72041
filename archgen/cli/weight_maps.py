"""Weight maps as files: read, checked beside the network that they name, and found among those shipped."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from archgen import pipeline
from archgen.catalog import find, shipped_specs
from archgen.cli.checkpoints import Target
from archgen.diagnostics import Findings, SpecError, did_you_mean
from archgen.rules import BAD_MAP
from archgen.spec.files import SpecText, read_spec, root_of
from archgen.weights.leaves import Leaf, leaves_of
from archgen.weights.maps import WeightMap, check_map, map_text, read_map
from archgen.weights.pairing import Group


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


def name_in_map(target: Target, place: Path) -> str:
    """How a map in a file names a network that comes with archgen, or by a path relative to the map."""
    path = target.path
    shipped = shipped_specs().get(target.title)
    if path is None or (shipped is not None and shipped.resolve() == path.resolve()):
        return target.title
    return os.path.relpath(path.resolve(), place.resolve().parent)


def draft(chart: WeightMap, groups: Sequence[Group]) -> str:
    """A map as a file; what is not certain in it is said at its head."""
    head = "# Nothing says which of these layers is which: correct their lines, then delete this comment.\n"
    lines = (f"#   {', '.join(one.ours)}: {', '.join(one.theirs)}\n" for one in groups)
    return (head if groups else "") + "".join(lines) + map_text(chart)


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

    Where `theirs` are known, all layers that it names must be among them, but for those that only training
    needs.
    """
    for name, chart in _shipped_maps(network, leaves, code):
        if theirs is None or _needed(chart, leaves) <= set(theirs):
            return name, chart
    return None


def shipped_codes(network: str, leaves: Sequence[Leaf]) -> list[str]:
    """The implementations to which maps of a network come with archgen."""
    return sorted(
        {chart.code.partition(" ")[0] for _, chart in _shipped_maps(network, leaves, "auto")}
    )


def nearest_map(
    network: str, leaves: Sequence[Leaf], code: str, theirs: Collection[str]
) -> tuple[str, WeightMap] | None:
    """The map that comes with archgen of which most layers are among `theirs`; None where half are not."""
    shares = [
        (_share(_needed(chart, leaves), theirs), name, chart)
        for name, chart in _shipped_maps(network, leaves, code)
    ]
    share, name, chart = max(shares, key=lambda found: found[0], default=(0.0, "", None))
    return (name, chart) if chart is not None and share > 0.5 else None


def _share(needed: set[str], theirs: Collection[str]) -> float:
    return len(needed.intersection(theirs)) / len(needed) if needed else 0.0


def _shipped_maps(network: str, leaves: Sequence[Leaf], code: str) -> list[tuple[str, WeightMap]]:
    """The sound maps that come with archgen for a network, last those that leave a class out."""
    maps = (
        (name, _map_for(network, path))
        for name, path in shipped_specs().items()
        if name.startswith("weights/")
    )
    sound = [
        (name, chart)
        for name, chart in maps
        if chart is not None
        and code in ("auto", chart.code.partition(" ")[0])
        and not any(check_map(chart, leaves))
    ]
    return sorted(sound, key=lambda found: bool(found[1].background))


def _needed(chart: WeightMap, leaves: Sequence[Leaf]) -> set[str]:
    """Their layers without which there is no network."""
    optional = {leaf.path for leaf in leaves if leaf.training_only}
    return {line.theirs for line in chart.layers if line.ours not in optional}


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
