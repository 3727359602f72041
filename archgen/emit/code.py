"""Python text: values, calls and statements, broken into lines as a formatter would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archgen.spec.traced import Formula, formula_of, is_traced

LINE_LENGTH = 88
INDENT = "    "


@dataclass(frozen=True)
class Call:
    """`function(*args, **kwargs)`, not yet broken into lines; arguments are texts or calls."""

    function: str
    args: tuple[Call | Repeated | str, ...] = ()
    kwargs: tuple[tuple[str, Call | Repeated | str], ...] = ()

    def flat(self) -> str:
        """The call on one line."""
        return f"{self.function}({', '.join(self._parts())})"

    def _holds_calls(self) -> bool:
        return any(
            isinstance(value, Call) for value in (*self.args, *(value for _, value in self.kwargs))
        )

    def _parts(self) -> Iterator[str]:
        yield from (flat(argument) for argument in self.args)
        yield from (f"{name}={flat(value)}" for name, value in self.kwargs)

    def lines(self, before: str, after: str, level: int) -> list[str]:
        """The call between `before` and `after`: on one line, else its arguments on one, else one each.

        Calls within a call always get a line each.
        """
        pad = INDENT * level
        whole = f"{pad}{before}{self.flat()}{after}"
        if len(whole) <= LINE_LENGTH or not (self.args or self.kwargs):
            return [whole]
        inner = f"{pad}{INDENT}{', '.join(self._parts())}"
        if len(inner) <= LINE_LENGTH and not self._holds_calls():
            return [f"{pad}{before}{self.function}(", inner, f"{pad}){after}"]
        body: list[str] = []
        for argument in self.args:
            body.extend(broken(argument, "", ",", level + 1))
        for name, value in self.kwargs:
            body.extend(broken(value, f"{name}=", ",", level + 1))
        return [f"{pad}{before}{self.function}(", *body, f"{pad}){after}"]


@dataclass(frozen=True)
class Repeated:
    """`*(item for variable in range(count))`, or a bare generator as a call's only argument."""

    item: Call
    count: str
    variable: str = "_"
    is_unpacked: bool = True

    def flat(self) -> str:
        """The generator on one line."""
        text = f"{self.item.flat()} {self._loop()}"
        return f"*({text})" if self.is_unpacked else text

    def _loop(self) -> str:
        return f"for {self.variable} in range({self.count})"

    def lines(self, before: str, after: str, level: int) -> list[str]:
        """The generator on one line if it fits, else item and loop on their own."""
        pad = INDENT * level
        if not self.is_unpacked:
            return [*self.item.lines(before, "", level), f"{pad}{self._loop()}"]
        whole = f"{pad}{before}{self.flat()}{after}"
        if len(whole) <= LINE_LENGTH:
            return [whole]
        loop = f"{pad}{INDENT}{self._loop()}"
        return [f"{pad}{before}*(", *self.item.lines("", "", level + 1), loop, f"{pad}){after}"]


def flat(value: Call | Repeated | str) -> str:
    """A value on one line."""
    return value if isinstance(value, str) else value.flat()


def broken(value: Call | Repeated | str, before: str, after: str, level: int) -> list[str]:
    """A value as lines."""
    if isinstance(value, str):
        return [f"{INDENT * level}{before}{value}{after}"]
    return value.lines(before, after, level)


def python(value: object) -> str:
    """A setting's value as Python source; a traced number as its formula."""
    if is_traced(value):
        return str(formula_of(value))
    if isinstance(value, tuple):
        return f"({', '.join(python(part) for part in value)})"
    if isinstance(value, float | int | str | bool) or value is None:
        return repr(value)
    raise TypeError(f"{value!r} cannot be written as Python")


def formulas_in(values: Iterable[object]) -> Iterator[Formula]:
    """Every formula among `values`, tuples looked into."""
    for value in values:
        if isinstance(value, tuple):
            yield from formulas_in(value)
        elif is_traced(value):
            yield formula_of(value)


def with_comment(lines: list[str], comment: str) -> list[str]:
    """The lines with a comment behind the last, where there is room for it."""
    last = f"{lines[-1]}  # {comment}"
    return [*lines[:-1], last] if comment and len(last) <= LINE_LENGTH else lines


def docstring(text: str, level: int) -> list[str]:
    """A docstring that says `text`, wrapped; backslashes and quotes are made harmless."""
    pad = INDENT * level
    safe = harmless(text)
    if len(pad) + len(safe) + 6 <= LINE_LENGTH and "\n" not in safe:
        return [f'{pad}"""{safe}"""']
    width = LINE_LENGTH - len(pad) - (3 if "\n" in safe else 6)
    first, *rest = [line for paragraph in safe.split("\n") for line in wrapped(paragraph, width)]
    return [f'{pad}"""{first}', *(f"{pad}{line}".rstrip() for line in rest), f'{pad}"""']


def harmless(text: str) -> str:
    """Text that can stand in a docstring or comment: printable, no quotes that end it, no backslashes."""
    kept = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    return kept.replace("\\", "/").replace('"""', "'''").strip().rstrip('"')


def wrapped(text: str, width: int) -> list[str]:
    """The words of `text` in lines of at most `width`; an empty text is one empty line."""
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
