"""Names: which are allowed, which are taken, and what the steps of a list are called."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from archgen.diagnostics import Findings, Label, Span, listed
from archgen.rules import BAD_NAME, NAME_TAKEN
from archgen.spec.document import ScalarNode, resolve_scalar
from archgen.spec.expressions import FUNCTIONS
from archgen.spec.model import Step

MAX_NAME = 64
_MOST_LABELS = 6
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

# What nn.Module, nn.Sequential and nn.ModuleDict already call something else.
MODULE_ATTRIBUTES = frozenset(
    """
    T_destination add_module append apply bfloat16 buffers call_super_init children clear compile
    cpu cuda double dump_patches eval extend extra_repr float forward get_buffer get_extra_state get_parameter
    get_submodule half insert items ipu keys load_state_dict modules mtia named_buffers named_children
    named_modules named_parameters parameters pop register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook
    register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state
    self set_submodule share_memory state_dict to to_empty train training type update values xpu zero_grad
    """.split()
)
# What the emitted constructors and `forward` functions use for themselves.
EMITTED_NAMES = frozenset(
    "self x torch nn F Tensor NamedTuple Branch pad_same in_channels in_ here i range super sum".split()
)
PARAM_NAMES = EMITTED_NAMES | FUNCTIONS.keys() | {"variant"}


def is_identifier(name: str) -> bool:
    """Whether a name is letters, digits and single `_`, a letter first."""
    return _IDENTIFIER.fullmatch(name) is not None and "__" not in name


def check_name(
    name: str, span: Span, what: str, findings: Findings, reserved: frozenset[str]
) -> bool:
    """Whether `name` can be used for `what` in emitted source; reports why not."""
    message = help = ""
    if len(name) > MAX_NAME:
        message, help = f"a name has at most {MAX_NAME} characters", "write a shorter one"
    elif not is_identifier(name):
        fitting = re.sub(r"__+", "_", re.sub(r"\W+", "_", name, flags=re.ASCII)).strip("_")
        message = f"`{name}` is no name for {what}: letters, digits and single `_`, a letter first"
        help = (
            f"write `{fitting}`"
            if _IDENTIFIER.fullmatch(fitting)
            else f"write `{what.rsplit(maxsplit=1)[-1]}_{fitting}`"
        )
    elif owner := _owner(name, reserved):
        message = f"`{name}` {owner} and cannot name {what}"
        help = f"write `{name}_1` or another name"
    if message:
        findings.add(BAD_NAME.at(span, message, help=help))
    return not message


def _owner(name: str, reserved: frozenset[str]) -> str:
    """What a name stands for already, or an empty text."""
    if keyword.iskeyword(name):
        return "is a word of Python"
    if not isinstance(resolve_scalar(name), str):
        return "is a value in YAML"
    if name in FUNCTIONS and name in reserved:
        return "is a function of expressions"
    return "has a meaning of its own in emitted modules" if name in reserved else ""


class Scope:
    """The names taken in one list of steps, or in lists that share their parameter names."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._taken: dict[str, Span] = {}
        self._counts: dict[str, int] = {}

    def take(self, name: str, span: Span, what: str) -> str:
        """Takes a name the user chose; reports one that is taken or cannot be used."""
        if check_name(name, span, what, self._findings, MODULE_ATTRIBUTES):
            self._claim(name, span)
        return name

    def take_branches(self, names: Sequence[ScalarNode], step: Step) -> None:
        """Takes the names of a join's branches; those that are taken are one finding of the join."""
        sound = [
            name
            for name in names
            if check_name(name.text, name.span, "a branch", self._findings, MODULE_ATTRIBUTES)
        ]
        taken = [name for name in sound if name.text in self._taken]
        for name in sound:
            self._taken.setdefault(name.text, name.span)
        if not taken:
            return
        texts = [f"`{name.text}`" for name in taken]
        are = f"names {listed(texts)} are" if len(texts) > 1 else f"name {texts[0]} is"
        places = [(self._taken[name.text], "first") for name in taken]
        places += [(name.span, "and here") for name in taken[1:]]
        labels = [Label(span, text) for span, text in places if span is not _DEFAULT]
        help = "give one of the two another name: a step has its `id`"
        if step.id is None:
            help = f"give the `{step.op.text}` an `id:`, below which the names of its branches then stand"
        message = f"the {are} taken in this list"
        found = NAME_TAKEN.at(taken[0].span, message, labels=labels[:_MOST_LABELS], help=help)
        self._findings.add(found)

    def number(self, name: str, span: Span) -> str:
        """Takes `conv`, then `conv_2`, `conv_3`: the default name of a step."""
        if name in MODULE_ATTRIBUTES or keyword.iskeyword(name):
            name = f"{name}_1"
        count = self._counts[name] = self._counts.get(name, 0) + 1
        numbered = name if count == 1 else f"{name}_{count}"
        if numbered in self._taken:
            self._claim(numbered, span)
        self._taken[numbered] = _DEFAULT
        return numbered

    def _claim(self, name: str, span: Span) -> None:
        if name in self._taken:
            first = self._taken[name]
            labels = () if first is _DEFAULT else (Label(first, "first"),)
            message = f"the name `{name}` is taken in this list"
            help = "give one of the two another name: a step has its `id`"
            self._findings.add(NAME_TAKEN.at(span, message, labels=labels, help=help))
        self._taken.setdefault(name, span)


_DEFAULT = Span("", None, None)  # type: ignore[arg-type]  # marks a default name; it has no place of its own
