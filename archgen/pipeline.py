"""The whole compiler on one screen.

text --load--> SpecFile --resolve--> Resolved --infer--> ShapedNetwork --check--> [Diagnostic]
                                                         ShapedNetwork --emit--> ModuleSource
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from archgen import errata
from archgen.checks import CHECKS, WARNINGS, WRITTEN, acknowledge, unused_allows
from archgen.diagnostics import MAX_FINDINGS, Diagnostic, Findings, SpecError
from archgen.infer import Uses, infer
from archgen.ir.shaped import ShapedNetwork
from archgen.resolve import Resolved, join_refusals, resolve
from archgen.rules import LIMIT, MENDED_BY_SHAPE, WRONG_KIND
from archgen.spec.files import SpecText, read_spec, start_of
from archgen.spec.loader import Reader, SpecFile, load
from archgen.spec.model import Network


class Compilation(NamedTuple):
    """What came of one file, as far as it could be compiled, and everything found on the way."""

    file: SpecFile | None
    resolved: Resolved | None
    network: ShapedNetwork | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    def sound_network(self) -> ShapedNetwork:
        """The network, if nothing is wrong with it. Raises SpecError with every finding."""
        if self.file is not None and not isinstance(self.file.model, Network):
            raise SpecError([self._no_network()], dict(self.sources))
        if self.network is None or any(d.severity == "error" for d in self.diagnostics):
            raise SpecError(self.diagnostics, dict(self.sources))
        return self.network

    def _no_network(self) -> Diagnostic:
        assert self.file is not None
        place = start_of(self.file.text.source)
        help = "name a file with the key `network`"
        return WRONG_KIND.at(
            place, "this is a library of blocks, and a network is needed here", help=help
        )


def check(text: SpecText, *, as_printed: bool = False, read: Reader = read_spec) -> Compilation:
    """Checks one file: every independent problem in one run.

    With `as_printed`, errata are replaced by what their source prints, to show what that would do.
    The libraries that the file uses are read with `read`.
    """
    findings, texts = Findings(), dict[str, str]()
    file = load(text, findings, read, texts)
    if file is None:
        return Compilation(None, None, None, _sorted(findings), texts)
    resolved = resolve(file, findings)
    network = _as_printed(resolved, findings) if as_printed else _as_written(resolved, findings)
    found = _sorted(findings)
    if network is not None and any(finding.rule in MENDED_BY_SHAPE for finding in found):
        found = _with_repairs(resolved, network, found, {} if as_printed else file.sources())
    return Compilation(file, resolved, network, found, file.sources())


def _as_written(resolved: Resolved, findings: Findings) -> ShapedNetwork | None:
    """The network, checked; its errata and alternatives too where it is sound."""
    uses: Uses = {}
    network = None
    if resolved.network is not None:
        network = infer(resolved.network, findings, uses=uses)
    if network is not None:
        findings.extend(finding for check in CHECKS for finding in check(network))
    _warn(resolved, network, findings)
    if network is not None and not findings.has_errors:
        findings.extend(errata.check_errata(resolved, uses))
        findings.extend(errata.check_alternatives(resolved, uses))
    else:
        findings.extend(errata.check_fields(resolved))
    return network


def _warn(resolved: Resolved, network: ShapedNetwork | None, findings: Findings) -> None:
    """What a sound spec may still not mean, but for what it acknowledges."""
    found = [finding for check in WRITTEN for finding in check(resolved)]
    if network is not None:
        found += [finding for check in WARNINGS for finding in check(network)]
    if network is not None and not findings.has_errors:
        found += _narrower_sizes(network)
    acknowledged = acknowledge(found, resolved.allowances)
    findings.extend(acknowledged.left)
    if not findings.has_errors:
        idle = unused_allows(resolved, network, acknowledged.used)
        findings.extend(acknowledge(idle, resolved.allowances).left)


def _narrower_sizes(network: ShapedNetwork) -> Iterable[Diagnostic]:
    if network.network.sizes is None:
        return ()
    from archgen.legal_sizes import narrower_sizes  # noqa: PLC0415  # few specs state sizes

    return narrower_sizes(network)


def _as_printed(resolved: Resolved, findings: Findings) -> ShapedNetwork | None:
    """The network as its sources print it; each finding says which printed value it is about."""
    if resolved.network is None:
        return None
    found = Findings()
    network = infer(errata.as_printed(resolved.network, resolved.errata), found)
    if network is not None:
        found.extend(finding for check in CHECKS for finding in check(network))
        warnings = (finding for check in WARNINGS for finding in check(network))
        found.extend(acknowledge(warnings, resolved.allowances).left)
    findings.extend(errata.told_as_printed(f, resolved.errata) for f in found.diagnostics)
    return network


def _with_repairs(
    resolved: Resolved,
    network: ShapedNetwork,
    found: tuple[Diagnostic, ...],
    sources: Mapping[str, str],
) -> tuple[Diagnostic, ...]:
    from archgen.repairs import mended  # noqa: PLC0415  # a sound spec does not load it

    return mended(resolved, network, found, sources)


def _sorted(findings: Findings) -> tuple[Diagnostic, ...]:
    """The findings in the order of the text, with one that counts those that were left out."""
    found = sorted(findings.diagnostics, key=lambda found: (found.span.source, found.span.start))
    counts = [
        LIMIT.at(
            start_of(source),
            f"this file has more than {MAX_FINDINGS:,} findings, and {count:,} of them are not shown",
            help="put those right that are shown, and check again",
        )
        for source, count in findings.left_out.items()
    ]
    return (*counts, *join_refusals(found))
