"""Lifts networks of torchvision and timm, and prints a table: lines, parameters, seconds of CPU, logits.

    OMP_NUM_THREADS=1 .venv-oracles/bin/python -m tools.oracles.lifting [NAME...]

Without names, all those of tests/oracles/test_lifting.py. The seconds are those of making the module, one
forward of it, the spec, its check, the emitted network and its forward.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence

from archgen.lift.lifting import Lifted, lift, noise
from archgen.lift.source import original
from tests.oracles.test_lifting import FURTHER, SHIPPED


def main(targets: Sequence[str]) -> None:
    """Prints a row for each network as soon as it is lifted."""
    warnings.simplefilter("ignore")
    print("| network | lines of spec | parameters | seconds | logits |")
    print("| --- | ---: | ---: | ---: | --- |")
    for target in targets:
        start = time.process_time()
        module = original(target)
        found = lift(module, noise(module))
        print(_row(target, found, time.process_time() - start), flush=True)


def _row(target: str, found: Lifted, seconds: float) -> str:
    assert found.proof is not None
    proof = found.proof
    logits = "equal" if proof.is_exact else f"within {proof.difference:.1g} of {proof.largest:.2g}"
    lines = len(found.text.splitlines())
    return f"| `{target}` | {lines} | {proof.params:,} | {seconds:.1f} | {logits} |"


if __name__ == "__main__":
    main(sys.argv[1:] or [*SHIPPED, *FURTHER])
