"""From graphs to shaped graphs: every expression gets its value and every value its shape."""

from archgen.infer.elaborate import (
    Uses,
    as_stated,
    diagnose,
    infer,
    trace_block,
    trace_network,
)
from archgen.infer.failures import Diagnosis, Failure
from archgen.infer.frames import Frame
from archgen.infer.makers import Aspect, told_inside
from archgen.spec.traced import Untraceable

__all__ = [
    "Aspect",
    "Diagnosis",
    "Failure",
    "Frame",
    "Untraceable",
    "Uses",
    "as_stated",
    "diagnose",
    "infer",
    "told_inside",
    "trace_block",
    "trace_network",
]
