"""Problems as data: where they are, what they say, and how to mend them.

Nothing here knows YAML, networks or terminals. A stage collects `Diagnostic`s; a reporter draws them.

    Exception
    +-- SpecError          one or more diagnostics; what every stage raises for the user's mistakes
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from archgen.foreign import advice, is_foreign, same

MAX_FINDINGS = 1_000  # of one file; nobody reads on, and a program wrote it
MAX_WORDS = 300
LONG_TEXT = 500
_LONG_WORD = re.compile(r"`([^`]{40})[^`]*([^`]{10})`")
MIN_CERTAIN = 4
QUOTES = (
    "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb\u00a0 '\""  # as word processors write them
)


class Position(NamedTuple):
    """A place in a text; both counts start at 1, columns count characters."""

    line: int
    column: int


class Span(NamedTuple):
    """A stretch of one source: from `start` up to, and without, `end`."""

    source: str
    start: Position
    end: Position

    def __str__(self) -> str:
        return f"{self.source}:{self.start.line}:{self.start.column}"

    def contains(self, other: Span) -> bool:
        """Whether `other` lies within this span."""
        return self.source == other.source and self.start <= other.start and other.end <= self.end

    def within(self, offset: int, length: int) -> Span:
        """The part of a one-line span that starts `offset` characters in."""
        start = Position(self.start.line, self.start.column + offset)
        return Span(self.source, start, Position(start.line, start.column + length))


class Predicate(NamedTuple):
    """A message whose subject is not yet known: `this must be at least 1` until the subject is named."""

    text: str


class Severity(StrEnum):
    """How much a diagnostic matters: an error fails the command, a warning fails it under --strict."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Rule(NamedTuple):
    """What a code stands for. Codes are permanent: a retired code is never used again."""

    code: str
    name: str
    summary: str
    severity: Severity = Severity.ERROR

    def at(
        self,
        span: Span,
        message: str | Predicate,
        *,
        caption: str = "",
        labels: Iterable[Label] = (),
        notes: Iterable[str] = (),
        help: str = "",
        instead: str | Suggestion | None = None,
        subject: str = "",
        cause: str = "",
    ) -> Diagnostic:
        """A finding of this rule at `span`.

        `instead` is the right spelling of what stands there: a text is safe to write, a suggestion as
        far as it says so. Words of the user that are very long are cut.
        """
        predicate = message.text if isinstance(message, Predicate) else ""
        message = f"this {predicate}" if isinstance(message, Predicate) else message
        meant = (instead.word if isinstance(instead, Suggestion) else instead) or ""
        if isinstance(instead, Suggestion):
            fixes = instead.fixes(span)
        else:
            fixes = () if not instead else (spelling(span, instead),)
        return Diagnostic(
            self,
            brief(message),
            span,
            brief(caption),
            tuple(label._replace(text=brief(label.text)) for label in labels),
            tuple(map(brief, notes)),
            brief(help),
            fixes,
            subject,
            cause,
            meant,
            predicate,
        )


class Edit(NamedTuple):
    """A stretch of the user's text and what takes its place; an empty stretch is an insertion."""

    span: Span
    text: str


class Applicability(StrEnum):
    """Who may apply a fix, as ruff and rustc have it.

    A safe one says the same in the right letters: layout, quotes, one letter. It is applied by `check
    --fix`. A suggestion may change what the spec means: `--unsafe-fixes` applies it, or a person.
    """

    SAFE = "safe"
    SUGGESTION = "suggestion"


class Fix(NamedTuple):
    """One way to fix a finding: all `edits` together, or only words where no edit of the text will do."""

    title: str
    edits: tuple[Edit, ...] = ()
    applicability: Applicability = Applicability.SUGGESTION

    @property
    def is_safe(self) -> bool:
        """Whether the fix provably keeps the meaning."""
        return self.applicability is Applicability.SAFE


def spelling(span: Span, instead: str, applicability: Applicability = Applicability.SAFE) -> Fix:
    """The fix that writes `instead` at `span`."""
    return Fix(f"write `{instead}`", (Edit(span, instead),), applicability)


class Suggestion(NamedTuple):
    """The legal word that an unknown one may be meant as, if any is near.

    It is safe where nothing else can be meant. `advice` is what to write for a word of another
    framework, which is no slip for any word of ours.
    """

    word: str | None
    is_safe: bool = False
    advice: str = ""

    def help(self, otherwise: str) -> str:
        """The help line of a finding, `otherwise` where nothing is near."""
        return self.advice or (f"did you mean `{self.word}`?" if self.word else otherwise)

    def fixes(self, span: Span) -> tuple[Fix, ...]:
        """The fix that writes the word in the place of what stands at `span`."""
        if self.word is None:
            return ()
        how = Applicability.SAFE if self.is_safe else Applicability.SUGGESTION
        return (spelling(span, self.word, how),)


def suggest(
    word: str, legal: Iterable[str], *, role: str = "", own: Collection[str] = ()
) -> Suggestion:
    """What an unknown `word` may be meant as among the `legal` ones.

    `role` is that of a word which other frameworks may have, too: op, activation, norm or setting. The
    names in `own` are the user's: whether a name or the use of it is misspelt, nothing can tell.
    """
    words = list(legal)
    if (bare := word.strip(QUOTES)) in words:
        return Suggestion(bare, is_safe=bare not in own)
    if role and (ours := same(role, word)) in words:
        return Suggestion(ours, is_safe=True)
    if role and (told := advice(role, word)) is not None:
        return Suggestion(None, advice=told)
    near = did_you_mean(word, words)
    if near is None or (near not in own and is_foreign(word)):
        return Suggestion(None)
    is_slip = edit_distance(word.lower(), near.lower()) <= 1
    return Suggestion(near, is_slip and near not in own and only_near(word, words) == near)


def quoting(span: Span) -> Fix:
    """The fix that puts double quotes around what stands at `span`."""
    ends = (Span(span.source, place, place) for place in (span.start, span.end))
    edits = tuple(Edit(end, '"') for end in ends)
    return Fix("quote the expression", edits, Applicability.SAFE)


class Label(NamedTuple):
    """A secondary place that belongs to a finding, with a few words about it."""

    span: Span
    text: str


class Diagnostic(NamedTuple):
    """One problem.

    `message` is one lower-case sentence with the user's own names in backquotes, `caption` the words
    beside the caret, `notes` the derivation and the environment, `help` what to type instead, `fixes`
    the same as edits of the text.

    What code asks of a finding is data, too: `subject` is the name or key that it is about, `cause` what
    brought it about where a rule has several causes, `meant` the word that may have been meant, and
    `predicate` the message without its subject while that is not known.
    """

    rule: Rule
    message: str
    span: Span
    caption: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    fixes: tuple[Fix, ...] = ()
    subject: str = ""
    cause: str = ""
    meant: str = ""
    predicate: str = ""

    @property
    def severity(self) -> Severity:
        """The severity of the rule."""
        return self.rule.severity

    def __str__(self) -> str:
        """The finding as the command line prints it in one line, and its help in another."""
        line = f"{self.span}: {self.severity}[{self.rule.code}] {self.message}"
        return f"{line}\n  help: {self.help}" if self.help else line

    @property
    def key(self) -> tuple[str, str, int, int, str]:
        """What makes two findings the same and how findings are sorted."""
        start = self.span.start
        return (self.span.source, self.rule.code, start.line, start.column, self.message)

    def with_notes(self, *notes: str) -> Diagnostic:
        """The same finding with more notes."""
        return self._replace(notes=(*self.notes, *notes))

    def naming(self, name: str) -> Diagnostic:
        """The same finding about what is called `name`, where it has no subject yet."""
        if not self.predicate:
            return self
        message = brief(f"`{name}` {self.predicate}")
        return self._replace(message=message, subject=name, predicate="")


class SpecError(Exception):
    """The user's text is wrong; `diagnostics` says where and why, errors and warnings alike.

    `sources` maps each source's name to its text, so that a reporter can show the user's own lines.
    """

    def __init__(
        self, diagnostics: Iterable[Diagnostic], sources: dict[str, str] | None = None
    ) -> None:
        self.diagnostics = tuple(diagnostics)
        self.sources = dict(sources or {})
        super().__init__("\n".join(map(str, self.diagnostics)))


@dataclass
class Findings:
    """What a stage has found so far; a finding that is already there is not taken twice."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    _seen: set[tuple[str, str, int, int, str]] = field(default_factory=set)
    _taken: Counter[str] = field(default_factory=Counter)

    def add(self, diagnostic: Diagnostic) -> None:
        """Takes one finding; of a file that has MAX_FINDINGS, `left_out` counts the others."""
        source = diagnostic.span.source
        if self.is_full(source):
            self.left_out[source] += 1
        elif diagnostic.key not in self._seen:
            self._seen.add(diagnostic.key)
            self._taken[source] += 1
            self.diagnostics.append(diagnostic)

    def is_full(self, source: str) -> bool:
        """Whether no more findings in this file are taken: what they would say need not be worked out."""
        return self._taken[source] >= MAX_FINDINGS

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Takes many findings."""
        for diagnostic in diagnostics:
            self.add(diagnostic)

    @property
    def has_errors(self) -> bool:
        """Whether any finding is an error; one that was left out may be."""
        return bool(self.left_out) or any(d.severity is Severity.ERROR for d in self.diagnostics)


def brief(text: str) -> str:
    """The text, or where it is long, with what stands in backquotes cut, and its own end if need be."""
    if len(text) <= LONG_TEXT:
        return text
    cut = _LONG_WORD.sub(r"`\1...\2`", text)
    return cut if len(cut) <= LONG_TEXT else f"{cut[: LONG_TEXT - 3]}..."


def did_you_mean(word: str, legal: Iterable[str]) -> str | None:
    """The legal word nearest to `word` by edit distance, or None where none is close.

    Close means at most one edit for every three letters, and at least one where there are two; a
    swap of two neighbouring letters is one edit (Damerau's distance, restricted form), and capitals
    are as good as small letters. Of very many legal words the first few hundred are looked at.
    """
    return next(iter(near_words(word, legal)), None)


def near_words(word: str, legal: Iterable[str]) -> list[str]:
    """Every legal word that is close to `word`, the nearest first; of equally near ones by the alphabet."""
    return [other for _, other in sorted(_near(word, legal))]


def only_near(word: str, legal: Iterable[str]) -> str | None:
    """The legal word that is close to `word` beyond doubt, or None.

    There is doubt where several are close, where `word` is very short, and where digits differ:
    `conv_3` is no slip for `conv_2`.
    """
    near = {other for _, other in _near(word, legal)}
    if len(near) != 1 or len(word) < MIN_CERTAIN:
        return None
    (other,) = near
    return other if _digits(other) == _digits(word) else None


def _digits(word: str) -> str:
    return "".join(letter for letter in word if letter.isdecimal())


def _near(word: str, legal: Iterable[str]) -> list[tuple[int, str]]:
    limit = len(word) // 3 or int(len(word) > 1)
    lower = word.lower()
    return [
        (distance, other)
        for other in islice(legal, MAX_WORDS)
        if abs(len(other) - len(word)) <= limit
        and (distance := edit_distance(lower, other.lower())) <= limit
    ]


def listed(words: Iterable[str], limit: int = 12) -> str:
    """The words with commas between them; of many words the first ones."""
    all_words = list(words)
    return ", ".join([*all_words[:limit], *(["..."] if len(all_words) > limit else [])])


def edit_distance(left: str, right: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours that turn `left` into `right`."""
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        current = [i]
        for j, b in enumerate(right, start=1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]
