"""Names for blocks, steps and branches, made of the names of classes and modules."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection

from archgen.resolve.names import MAX_NAME, MODULE_ATTRIBUTES, is_identifier
from archgen.spec.document import resolve_scalar


def snake_case(name: str) -> str:
    """`InceptionA` is `inception_a`, and `SEModule` is `se_module`."""
    parted = re.sub(r"([A-Z]+)([A-Z][a-z])|([a-z0-9])([A-Z])", _parted, name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def _parted(found: re.Match[str]) -> str:
    return f"{found[1] or found[3]}_{found[2] or found[4]}"


def is_free(name: str, taken: Collection[str] = ()) -> bool:
    """Whether a step, branch or block may bear the name."""
    return (
        len(name) <= MAX_NAME
        and is_identifier(name)
        and name not in taken
        and name not in MODULE_ATTRIBUTES
        and not keyword.iskeyword(name)
        and isinstance(resolve_scalar(name), str)
    )


def legal_name(wish: str) -> str:
    """A name for a network or block as near to the wish as one may be."""
    name = re.sub(r"__+", "_", snake_case(wish))[:MAX_NAME].strip("_")
    return name if is_free(name) else f"net_{name}".strip("_")[:MAX_NAME]
