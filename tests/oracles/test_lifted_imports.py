"""State dicts of timm and torchvision in the specs that are lifted from them, in three orders of the file."""

from __future__ import annotations

import pytest

from tools.oracles.imports import EQUAL, OTHER, TARGETS, outcomes

pytestmark = pytest.mark.oracle

# refused whatever the order: equal branches that nothing tells apart, or heads that the spec leaves out
REFUSED = {"timm:res2net50_26w_4s", "torchvision:googlenet", "torchvision:inception_v3"}


@pytest.mark.parametrize("target", TARGETS)
def test_an_import_gives_equal_logits_or_is_refused(target: str) -> None:
    found = outcomes(target)
    assert OTHER not in found.values()
    assert (found["module's order"] == EQUAL) == (target not in REFUSED)
