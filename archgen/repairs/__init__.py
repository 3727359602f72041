"""Repairs: for each finding about shapes, the smallest single edits that end it and break nothing else."""

from archgen.repairs.search import mended

__all__ = ["mended"]
