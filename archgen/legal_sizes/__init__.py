"""The input sizes that a network takes with the weights it has."""

from archgen.legal_sizes.scan import legal_sizes, smallest_input
from archgen.legal_sizes.sizes import LegalSizes
from archgen.legal_sizes.stated import narrower_sizes

__all__ = ["LegalSizes", "legal_sizes", "narrower_sizes", "smallest_input"]
