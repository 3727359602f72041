"""Text to `Expression`: a tokenizer and a recursive descent over the grammar of the language.

choice := or [ "if" or "else" choice ]     sum   := product { (+ -) product }
or     := and { "or" and }                 product := unary { (* / // %) unary }
and    := not { "and" not }                unary := { - + } atom
not    := { "not" } compare                atom  := number | name | call | "(" choice ")"
compare := sum [ (== != < <= > >=) sum ]   call  := name "(" choice { "," choice } ")"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from archgen.spec.expressions import (
    COMPARISONS,
    FUNCTIONS,
    MAX_MAGNITUDE,
    Binary,
    Call,
    Choice,
    Expression,
    ExpressionError,
    Name,
    Number,
    Term,
    Unary,
)

MAX_LENGTH = 400
MAX_NESTING = 40

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"
    r"|(?P<sign>//|==|!=|<=|>=|[-+*/%()<>,]))"
)
_WORDS = frozenset({"if", "else", "and", "or", "not"})
_ODD_SIGNS = {
    "$": "write the bare name: `n`, not `${n}`",
    "{": "write the bare name: `n`",
    "=": "compare with `==`",
}
_KNOWN = "expressions know + - * // %, parentheses, comparisons, `A if COND else B`, min and max"


def parse_expression(text: str) -> Expression:
    """Reads one expression.

    Raises:
        ExpressionError: with the place inside `text` where it cannot be read.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters", 0, 1)
    return Expression(text, _Parser(text).whole())


class _Token(NamedTuple):
    text: str
    kind: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _tokens(text: str) -> Iterator[_Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            start = end - len(text[at:end].lstrip())
            sign = text[start]
            raise ExpressionError(
                f"`{sign}` has no meaning in an expression",
                start,
                1,
                help=_ODD_SIGNS.get(sign, _KNOWN),
            )
        kind = match.lastgroup or ""
        word, start = match[kind], match.start(kind)
        if kind == "number" and (rest := re.match(r"\w+", text[match.end() :])):
            odd = word + rest[0]
            raise ExpressionError(f"`{odd}` is neither a number nor a name", start, len(odd))
        yield _Token(word, "sign" if word in _WORDS else kind, start)
        at = match.end()


class _Parser:
    """One method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._end = len(text.rstrip())
        self._at = 0
        self._depth = 0

    def whole(self) -> Term:
        term = self._choice()
        if self._at < len(self._tokens):
            raise _misplaced(self._tokens[self._at])
        return term

    def _take(self, *signs: str) -> _Token | None:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == "sign" and token.text in signs:
                self._at += 1
                return token
        return None

    def _need(self, sign: str) -> _Token:
        token = self._take(sign)
        if token is None:
            start = self._tokens[self._at].start if self._at < len(self._tokens) else self._end
            raise ExpressionError(f"`{sign}` is missing here", start, 1)
        return token

    def _choice(self) -> Term:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise ExpressionError(f"an expression is nested more than {MAX_NESTING} levels", 0, 1)
        then = self._or()
        if self._take("if"):
            condition = self._or()
            self._need("else")
            otherwise = self._choice()
            then = Choice(then, condition, otherwise, then.start, _end(otherwise) - then.start)
        self._depth -= 1
        return then

    def _chain(self, signs: tuple[str, ...], operand: Callable[[], Term]) -> Term:
        left = operand()
        while (token := self._take(*signs)) is not None:
            left = _joined(token.text, left, operand())
        return left

    def _or(self) -> Term:
        return self._chain(("or",), self._and)

    def _and(self) -> Term:
        return self._chain(("and",), self._not)

    def _not(self) -> Term:
        return self._prefixed("not", ("not",), self._comparison)

    def _comparison(self) -> Term:
        left = self._sum()
        if (token := self._take(*COMPARISONS)) is not None:
            return _joined(token.text, left, self._sum())
        return left

    def _sum(self) -> Term:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Term:
        return self._chain(("*", "/", "//", "%"), self._unary)

    def _unary(self) -> Term:
        return self._prefixed("-", ("-", "+"), self._atom)

    def _prefixed(self, kept: str, signs: tuple[str, ...], operand: Callable[[], Term]) -> Term:
        tokens: list[_Token] = []
        while (token := self._take(*signs)) is not None:
            tokens.append(token)
        if len(tokens) > MAX_NESTING:
            raise ExpressionError(f"more than {MAX_NESTING} signs in a row", tokens[0].start, 1)
        term = operand()
        for token in reversed(tokens):
            if token.text == kept:
                term = Unary(kept, term, token.start, _end(term) - token.start)
        return term

    def _atom(self) -> Term:
        if (opening := self._take("(")) is not None:
            inner = self._choice()
            closing = self._need(")")
            return inner._replace(start=opening.start, length=closing.end - opening.start)
        if self._at == len(self._tokens):
            raise ExpressionError("the expression ends too early", self._end, 1)
        token = self._tokens[self._at]
        if token.kind == "sign":
            raise _misplaced(token)
        self._at += 1
        if token.kind == "number":
            return _number(token)
        if self._take("("):
            return self._call(token)
        return Name(token.text, token.start, len(token.text))

    def _call(self, name: _Token) -> Term:
        if name.text not in FUNCTIONS:
            message = f"there is no function `{name.text}`"
            raise ExpressionError(
                message, name.start, len(name.text), help=f"there are {', '.join(FUNCTIONS)}"
            )
        arguments = [self._choice()]
        while self._take(","):
            arguments.append(self._choice())
        closing = self._need(")")
        _, count = FUNCTIONS[name.text]
        if count is not None and len(arguments) != count:
            message = f"`{name.text}` takes {count} values, not {len(arguments)}"
            raise ExpressionError(message, name.start, closing.end - name.start)
        return Call(name.text, tuple(arguments), name.start, closing.end - name.start)


def _misplaced(token: _Token) -> ExpressionError:
    help = {
        "*": "expressions have no powers: write `n * n`",
        "x": "the sides of a kernel are numbers: write `3x5`, or a param of type `kernel`",
    }.get(token.text, "")
    message = f"`{token.text}` does not fit here"
    return ExpressionError(message, token.start, len(token.text), help=help)


def _end(term: Term) -> int:
    return term.start + term.length


def _joined(sign: str, left: Term, right: Term) -> Binary:
    return Binary(sign, left, right, left.start, _end(right) - left.start)


def _number(token: _Token) -> Number:
    value = int(token.text) if token.text.isdecimal() else float(token.text)
    if value > MAX_MAGNITUDE:
        message = "the number is beyond 2 to the power of 53"
        raise ExpressionError(message, token.start, len(token.text))
    return Number(value, token.start, len(token.text))


def is_expression(text: str) -> bool:
    """Whether a text can be read as an expression."""
    try:
        parse_expression(text)
    except ExpressionError:
        return False
    return True
