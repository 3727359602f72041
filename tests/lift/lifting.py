"""Lifting a traced network in a test: the text, once it is known to say the same."""

from __future__ import annotations

from archgen.formatting import formatted
from archgen.lift.flat import FlatNetwork
from archgen.lift.structure import spec_text
from archgen.spec.files import SpecText
from tests.compiling import compiled
from tests.lift.dataflow import Dataflow
from tests.lift.flat_networks import as_called


def lifted(flat: FlatNetwork) -> str:
    """The spec of a network, which computes what the calls do, checks clean and has the normal form."""
    text = spec_text(flat)
    compilation = compiled(text)
    assert compilation.diagnostics == ()
    flow = Dataflow()
    assert flow.results(compilation.sound_network()) == flow.results(as_called(flat))
    assert formatted(SpecText("spec.yaml", text)) == text
    return text


def network_part(text: str) -> str:
    """The steps of the network, without what stands before and behind."""
    _, _, behind = text.partition("network:\n")
    return behind.partition("expect:")[0].partition("\noutputs:")[0]
