"""From shaped networks to PyTorch: source text, and the live module that is that source, loaded."""

from archgen.emit.source import ModuleSource, emit

__all__ = ["ModuleSource", "emit"]
