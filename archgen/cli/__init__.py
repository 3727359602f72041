"""The command line: one module a command, imported when the command runs."""

from archgen.cli.entry import main

__all__ = ["main"]
