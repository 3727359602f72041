"""Mappings of known keys: how one is read as a model, and what is said of keys that it does not have.

Models are read from positioned nodes, so every leaf that a later stage may have to point at is kept as
its node. Unknown keys are reported to the `Findings` handed in as pydantic's context; what pydantic
itself refuses becomes findings in `read_model`.
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, model_validator
from pydantic_core import ErrorDetails

from archgen.diagnostics import (
    Diagnostic,
    Findings,
    Span,
    Suggestion,
    edit_distance,
    near_words,
    suggest,
)
from archgen.rules import MISSING_KEY, UNKNOWN_KEY
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, plain
from archgen.spec.leaves import AnyNode, wrong_node


class SpecModel(BaseModel):
    """A mapping of known keys. `node` is the mapping itself; `title` names it in messages."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)
    title: ClassVar[str] = "this mapping"

    node: AnyNode

    @property
    def span(self) -> Span:
        """Where the mapping stands."""
        span = self.node.span
        assert isinstance(span, Span)
        return span

    @classmethod
    def keys(cls) -> list[str]:
        """The keys a spec may write."""
        return [field.alias or name for name, field in cls.model_fields.items() if name != "node"]

    @model_validator(mode="before")
    @classmethod
    def _from_node(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, MappingNode):
            assert isinstance(value, ScalarNode | SequenceNode)
            raise wrong_node(value, "a mapping", f"its keys are {', '.join(cls.keys())}", cls.title)
        findings = info.context
        assert isinstance(findings, Findings)
        return cls.fields_of(value, findings)

    @classmethod
    def fields_of(cls, node: MappingNode, findings: Findings) -> dict[str, object]:
        """The known keys of `node`; unknown ones are reported, and misspelt ones read as what is meant."""
        legal = cls.keys()
        known: dict[str, object] = {key.text: value for key, value in node.entries}
        absent = [key for key in legal if key not in known]
        unknown = [key for key, _ in node.entries if key.text not in legal]
        for key, value in node.entries:
            if key.text not in legal:
                is_told = not findings.is_full(key.span.source)
                meant = cls._meant(key, absent, len(unknown)) if is_told else None
                words = absent if is_told else []
                findings.add(unknown_key(key, cls.title, words, meant))
                del known[key.text]
                if meant is not None:
                    known.setdefault(meant, value)
        return {**known, "node": node}

    @classmethod
    def _meant(cls, key: ScalarNode, absent: list[str], unknown: int) -> str | None:
        """The key that one of `unknown` keys is a slip for, among those that are not there.

        That is the only one that is near, or else, where one key is unknown and one is missing, the missing
        one: half of its letters will do.
        """
        required = {f.alias or name for name, f in cls.model_fields.items() if f.is_required()}
        missing = [name for name in absent if name in required]
        near = near_words(key.text, absent)
        if near and (len(near) == 1 or near[0] in missing):  # `man` may be `min` or `max`
            return near[0]
        is_alone = unknown == len(missing) == 1
        return next((name for name in missing if is_alone and _is_half(key.text, name)), None)


def _is_half(word: str, other: str) -> bool:
    return edit_distance(word, other) * 2 <= max(len(word), len(other))


def unknown_key(
    key: ScalarNode, owner: str, legal: list[str], meant: str | None = None
) -> Diagnostic:
    """The finding for a key that `owner` does not have, with what may be meant."""
    suggestion = suggest(key.text, legal)
    if meant is not None and suggestion.word != meant:
        suggestion = Suggestion(meant)
    help = suggestion.help(f"it takes {', '.join(legal)}")
    if (owner, key.text) == ("a network", "inputs"):
        help = (
            "a network has one input: write `input: {channels: 3, grid: 224}`; blocks have `inputs`"
        )
        suggestion = Suggestion(None)
    elif " " in key.text.strip():
        help = f'a comma parts entries: quote the text that holds it: `"..., {key.text}"`'
    message = f"unknown key `{key.text}` in {owner}"
    return UNKNOWN_KEY.at(key.span, message, help=help, instead=suggestion)


Model = TypeVar("Model", bound=SpecModel)


def read_model(model: type[Model], node: Node, findings: Findings) -> Model | None:
    """`node` as a `model`; None, with findings, where it is not one."""
    try:
        return model.model_validate(node, context=findings)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            _report(detail, node, findings)
        return None


def read_models(
    model: type[Model], node: MappingNode | None, findings: Findings
) -> dict[str, Model | None]:
    """A mapping of names to models; None, with findings, for one that cannot be read."""
    entries = node.entries if node else ()
    return {key.text: read_model(model, value, findings) for key, value in entries}


def _report(detail: ErrorDetails, root: Node, findings: Findings) -> None:
    """One pydantic error as a finding: ours as they are, `missing` with the mapping it is missing from."""
    if detail["type"] == "diagnostic":
        keys = [str(part) for part in detail["loc"] if isinstance(part, str)]
        found: Diagnostic = detail["ctx"]["diagnostic"]
        findings.add(found.naming(keys[-1]) if keys else found)
        return
    if detail["type"] == "missing":
        owner = detail["input"].get("node", root) if isinstance(detail["input"], dict) else root
        key = str(detail["loc"][-1])
        if any(
            other.meant == key for other in findings.diagnostics if owner.span.contains(other.span)
        ):
            return
        where = _first_line(owner)
        findings.add(
            MISSING_KEY.at(where, f"the key `{key}` is missing here", help=f"write `{key}: ...`")
        )
        return
    raise AssertionError(
        f"a model refused its node in an unforeseen way: {detail}, {plain(root)!r}"
    )


def _first_line(node: Node) -> Span:
    if isinstance(node, MappingNode) and node.entries:
        return node.entries[0][0].span
    return node.span
