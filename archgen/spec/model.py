"""The models of a spec: what the user wrote, typed, with expressions unevaluated and nothing inferred."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from archgen.diagnostics import Findings, did_you_mean, edit_distance
from archgen.rules import NOT_ONE_OP, WRONG_TYPE
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode
from archgen.spec.leaves import (
    AnyNode,
    Boolean,
    Mapping_,
    Scalar,
    Scalars,
    Text,
    Warnings,
    Weight,
    one_or_more,
    refused,
    wrong_node,
)
from archgen.spec.mappings import SpecModel, read_model, unknown_key


class Source(SpecModel):
    """Where a network, block or step was taken from."""

    title: ClassVar[str] = "a source"

    paper: Text | None = None
    figure: Text | None = None
    table: Text | None = None
    page: Text | None = None
    section: Text | None = None
    url: Text | None = None
    code: Text | None = None

    def cited(self, outer: Source | None) -> str:
        """`Figure 7, Table 1 of arXiv:1602.07261v2`; the paper is inherited from `outer`."""
        places = [
            f"{key.capitalize()} {value}"
            for key in ("figure", "table", "section", "page")
            if (value := getattr(self, key))
        ]
        paper = self.paper or (outer.paper if outer else None)
        cited = " of ".join(part for part in (", ".join(places), paper) if part)
        asides = [part for part in (self.code, self.url) if part]
        if not cited:
            return ", ".join(asides)
        return f"{cited} ({', '.join(asides)})" if asides else cited


def citation(own: Source | None, outer: Source | None) -> str:
    """The text of a source, inherited downwards; empty where none is given."""
    if own is not None:
        return own.cited(outer)
    return (outer.paper or "") if outer is not None else ""


class Expect(SpecModel):
    """What must come out; values are exact, expressions, or bounds `{min, max}`."""

    title: ClassVar[str] = "an `expect`"

    grid: AnyNode = None
    channels: AnyNode = None
    params: AnyNode = None
    macs: AnyNode = None
    params_training: AnyNode = None


class Erratum(SpecModel):
    """What a source prints where that cannot be right (`contradiction`) or is doubtful (`reading`)."""

    title: ClassVar[str] = "an erratum"

    field: Scalar
    printed: AnyNode
    why: Text
    kind: Scalar | None = None
    source: Source | None = None

    @property
    def is_reading(self) -> bool:
        """Whether shapes cannot decide."""
        return self.kind is not None and self.kind.text == "reading"


class Step(SpecModel):
    """One op or block with its settings, beside the reserved keys."""

    title: ClassVar[str] = "a step"

    op: Scalar
    settings: AnyNode = None
    id: Scalar | None = None
    from_: Scalars | None = Field(None, alias="from")
    repeat: AnyNode = None
    when: AnyNode = None
    expect: Expect | None = None
    errata: Annotated[tuple[Erratum, ...], BeforeValidator(one_or_more)] = ()
    source: Source | None = None
    note: Text | None = None
    allow: Warnings = ()

    @classmethod
    def keys(cls) -> list[str]:
        """The reserved keys, beside which a step names its op."""
        known = super().keys()
        return [key for key in known if key not in ("op", "settings")]

    @model_validator(mode="before")
    @classmethod
    def _from_node(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, ScalarNode) and value.value is not None:
            return {"node": value, "op": value}
        if not isinstance(value, MappingNode):
            assert isinstance(value, ScalarNode | SequenceNode)
            example = "write `- conv: {filters: 32, kernel: 3}`"
            raise wrong_node(value, "an op or a block with its settings", example, cls.title)
        reserved = cls.keys()
        fields = {key.text: inner for key, inner in value.entries if key.text in reserved}
        calls = [(key, inner) for key, inner in value.entries if key.text not in reserved]
        absent = [key for key in reserved if key not in fields]
        if len(calls) > 1 and (slip := _misspelt(calls, absent)) is not None:
            key, meant = slip
            assert isinstance(info.context, Findings)
            info.context.add(unknown_key(key, cls.title, absent))
            fields.setdefault(meant, next(inner for other, inner in calls if other is key))
            calls = [call for call in calls if call[0] is not key]
        if len(calls) != 1:
            raise _not_one_op(value, [key for key, _ in calls])
        ((op, settings),) = calls
        return {"node": value, "op": op, "settings": settings, **fields}


def _misspelt(
    calls: list[tuple[ScalarNode, Node]], absent: list[str]
) -> tuple[ScalarNode, str] | None:
    """The key that is nearest to a reserved one that is not there: beside `repeated`, `repat` is `repeat`."""
    near = [(key, meant) for key, _ in calls if (meant := did_you_mean(key.text, absent))]
    return min(near, key=lambda pair: edit_distance(pair[0].text, pair[1]), default=None)


def _not_one_op(node: MappingNode, keys: list[ScalarNode]) -> PydanticCustomError:
    if not keys:
        return refused(
            NOT_ONE_OP,
            node.span,
            "a step needs an op or a block beside its reserved keys",
            "name one: `- conv: {...}`",
        )
    names = " and ".join(f"`{key.text}`" for key in keys)
    message = f"a step has one op or block, and this one names {names}"
    first, second = keys[0].text, keys[1].text
    help = f"write `{first}: {{{second}: ...}}` for a setting; a new step begins with `- `"
    if first in ("type", "op", "name"):
        help = "the op is the key: write `- conv: {filters: 32, kernel: 3}`"
    return refused(NOT_ONE_OP, keys[1].span, message, help)


class Block(SpecModel):
    """A block: steps under a name, with params."""

    title: ClassVar[str] = "a block"

    source: Source | None = None
    note: Text | None = None
    params: Mapping_ | None = None
    variants: Mapping_ | None = None
    require: Scalars = ()
    inputs: Scalars = ()
    outputs: Mapping_ | None = None
    body: AnyNode
    expect: Expect | None = None
    allow: Warnings = ()


class Sizes(SpecModel):
    """The other input sizes that a network is said to take."""

    title: ClassVar[str] = "`sizes`"

    min: AnyNode
    max: AnyNode = None
    multiple_of: AnyNode = None


class Input(SpecModel):
    """One sample: channels and a square grid, or height and width."""

    title: ClassVar[str] = "the input"

    channels: AnyNode
    grid: AnyNode = None
    height: AnyNode = None
    width: AnyNode = None
    sizes: Sizes | None = None


class Output(SpecModel):
    """A further result of the network: an auxiliary head or a feature tap."""

    model_config = ConfigDict(defer_build=True)  # few files have one
    title: ClassVar[str] = "an output"

    from_: Scalars = Field(alias="from")
    training_only: Boolean = False
    loss_weight: Weight | None = None
    body: AnyNode = None
    source: Source | None = None
    note: Text | None = None


class Alternative(SpecModel):
    """Another self-consistent reading: params to set, and what then comes out."""

    model_config = ConfigDict(defer_build=True)  # few files have one
    title: ClassVar[str] = "an alternative"

    why: Text
    set: Mapping_
    expect: Expect | None = None
    source: Source | None = None


class Library(SpecModel):
    """A file of blocks."""

    model_config = ConfigDict(defer_build=True)  # few files have one
    title: ClassVar[str] = "a block library"

    archgen: Scalar
    source: Source | None = None
    note: Text | None = None
    use: Mapping_ | None = None
    defaults: AnyNode = None
    blocks: Mapping_
    allow: Warnings = ()


class Network(SpecModel):
    """A file that describes a network."""

    title: ClassVar[str] = "a network"

    archgen: Scalar
    name: Scalar
    source: Source | None = None
    note: Text | None = None
    input: AnyNode
    use: Mapping_ | None = None
    defaults: AnyNode = None
    params: Mapping_ | None = None
    require: Scalars = ()
    blocks: Mapping_ | None = None
    network: AnyNode
    outputs: Mapping_ | None = None
    expect: Expect | None = None
    alternatives: Mapping_ | None = None
    allow: Warnings = ()


class Edit(SpecModel):
    """One change of the spec that is extended: its place, and one of the four that can be done there."""

    model_config = ConfigDict(defer_build=True)  # few files have one
    title: ClassVar[str] = "an edit"

    at: Scalar
    set: AnyNode = None
    remove: Boolean = False
    before: AnyNode = None
    after: AnyNode = None


class Extension(SpecModel):
    """A file that tells how its network differs from another file's."""

    model_config = ConfigDict(defer_build=True)  # few files are one
    title: ClassVar[str] = "a spec that extends another"

    archgen: Scalar
    name: Scalar
    source: Source | None = None
    note: Text | None = None
    extends: Scalar
    edit: AnyNode = None
    expect: Expect | None = None
    alternatives: Mapping_ | None = None
    allow: Warnings = ()


def read_steps(node: Node, findings: Findings) -> tuple[Step | None, ...]:
    """The steps of a list; None, with findings, in the place of one that cannot be read."""
    if isinstance(node, SequenceNode):
        return tuple(read_model(Step, item, findings) for item in node.items)
    findings.add(
        WRONG_TYPE.at(
            node.span,
            "this must be a list of steps",
            help="start each step with `- `; no steps are `[]`",
        )
    )
    return (None,)
