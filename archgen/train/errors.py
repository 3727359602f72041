"""What stops a training run; every message is written for the person who started it."""

from __future__ import annotations


class TrainingError(Exception):
    """Training cannot start, or cannot go on; the message says why and what to change."""


class DataError(TrainingError):
    """The images cannot be used; the message names the file or folder at fault."""
