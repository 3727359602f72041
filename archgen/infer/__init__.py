"""From graphs to shaped graphs: every expression gets its value and every value its shape."""

from archgen.infer.elaborate import MAX_NODES, infer, infer_block, trace_block, trace_network
from archgen.infer.tracing import Untraceable

__all__ = ["MAX_NODES", "Untraceable", "infer", "infer_block", "trace_block", "trace_network"]
