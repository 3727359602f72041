"""What docs/ops.md says of `padding` is what the checker takes, for each op."""

from __future__ import annotations

import pytest

from archgen.diagnostics import Severity
from archgen.ops import OPS_BY_NAME
from archgen.ops.settings import settings_of
from archgen.pipeline import check
from archgen.spec.files import SpecText

HEAD = "archgen: 1\nname: net\ninput: {channels: 3, grid: 16}\nnetwork:\n"
STEPS = {
    "conv": "conv: {filters: 4, kernel: 3, padding: %s}",
    "conv_transpose": "conv_transpose: {filters: 4, kernel: 3, stride: 2, padding: %s}",
    "max_pool": "max_pool: {kernel: 3, stride: 1, padding: %s}",
    "avg_pool": "avg_pool: {kernel: 3, stride: 1, padding: %s}",
}
FORMS = {  # a value, and the words by which `takes` names it
    "valid": "valid",
    "same": "same",
    "1": "a number",
    "[1, 0]": "[h, w]",
    "[1, 0, 1, 0]": "[top, bottom, left, right]",
    "{same: tf}": "{same: tf}",
}


@pytest.mark.parametrize("value", FORMS)
@pytest.mark.parametrize("op", STEPS)
def test_what_is_listed_is_taken_and_nothing_else(op: str, value: str) -> None:
    takes = settings_of(OPS_BY_NAME[op])["padding"].slot.takes
    words = takes.replace(": the same on both ends", "").replace("{same: tf}", "TF")
    wanted = FORMS[value].replace("{same: tf}", "TF")
    found = check(SpecText("net.yaml", f"{HEAD}  - {STEPS[op] % value}\n")).diagnostics
    is_taken = not any(finding.rule.code == "AG113" for finding in found)
    assert is_taken == (wanted in words), (takes, found)


@pytest.mark.parametrize("op", STEPS)
def test_the_help_for_an_ambiguous_padding_leads_to_no_new_error(op: str) -> None:
    step = (
        STEPS[op]
        .replace("stride: 1", "stride: 2")
        .replace("kernel: 3,", "kernel: 3, stride: 2,", op == "conv")
    )
    (finding,) = check(SpecText("net.yaml", f"{HEAD}  - {step % 'same'}\n")).diagnostics
    assert finding.rule.code == "AG113"
    for value in FORMS:
        if f"`{value}`" in finding.help:
            found = check(SpecText("net.yaml", f"{HEAD}  - {step % value}\n")).diagnostics
            assert not any(other.severity is Severity.ERROR for other in found)
