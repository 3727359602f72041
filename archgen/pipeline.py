"""The whole compiler on one screen.

text --load--> SpecFile --resolve--> Resolved --infer--> ShapedNetwork --check--> [Diagnostic]
                                                         ShapedNetwork --emit--> ModuleSource
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from archgen import errata
from archgen.checks import CHECKS, unused
from archgen.diagnostics import Diagnostic, Findings, SpecError
from archgen.infer import infer
from archgen.ir.shaped import ShapedNetwork
from archgen.resolve import Resolved, resolve
from archgen.spec.files import SpecText
from archgen.spec.loader import SpecFile, load


class Compilation(NamedTuple):
    """What came of one file, as far as it could be compiled, and everything found on the way."""

    file: SpecFile | None
    resolved: Resolved | None
    network: ShapedNetwork | None
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    def sound_network(self) -> ShapedNetwork:
        """The network, if nothing is wrong with it. Raises SpecError with every finding."""
        if self.network is None or any(d.severity == "error" for d in self.diagnostics):
            raise SpecError(self.diagnostics, dict(self.sources))
        return self.network


def check(text: SpecText, *, as_printed: bool = False) -> Compilation:
    """Checks one file: every independent problem in one run.

    With `as_printed`, errata are replaced by what their source prints, to show what that would do.
    """
    findings = Findings()
    file = load(text, findings)
    if file is None:
        return Compilation(None, None, None, _sorted(findings), {text.source: text.text})
    resolved = resolve(file, findings)
    graph = resolved.network
    if as_printed and graph is not None:
        graph = errata.as_printed(graph, resolved.errata)
    network = infer(graph, findings) if graph is not None else None
    if network is not None:
        findings.extend(finding for check in CHECKS for finding in check(network))
    if not as_printed:
        blocks = {name: block for name, block in resolved.blocks.items() if block is not None}
        findings.extend(unused(resolved.network, blocks))
    if not as_printed and not findings.has_errors and network is not None:
        findings.extend(errata.check_errata(resolved))
        findings.extend(errata.check_alternatives(resolved))
    return Compilation(file, resolved, network, _sorted(findings), file.sources())


def _sorted(findings: Findings) -> tuple[Diagnostic, ...]:
    return tuple(
        sorted(findings.diagnostics, key=lambda finding: (finding.span.source, finding.span.start))
    )
