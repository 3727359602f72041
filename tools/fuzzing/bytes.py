"""Random and mutated bytes: a finding or a network, soon, and never an exception.

Each case takes one or two small texts of the corpus (the examples of the explanations, the specs,
fragments of YAML that have broken loaders), and changes bits, bytes, tokens, lines or encodings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from time import process_time

from tools.fuzzing.corpus import HEAD, TOKENS, corpus, specs
from tools.fuzzing.outcome import Failure, Outcome
from tools.fuzzing.promises import checked

NAME = "bytes"
BATCH = 10_000
PATIENCE = 30.0

ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-8-sig")


def run(seeds: range) -> Iterator[Outcome]:
    """One outcome a seed."""
    for seed in seeds:
        began = process_time()
        data = case(seed)
        try:
            result = checked(data)
            what, broken = result.codes, result.broken
        except Exception as error:  # noqa: BLE001  # the promise is that there is none
            what, broken = "exception", f"{type(error).__name__}: {error}"
        failure = Failure(broken, data.decode("utf-8", "surrogateescape")) if broken else None
        kind = what.partition(" ")[0] if what != "no error" else what
        yield Outcome(seed, process_time() - began, failure, kind)


def text_of(seed: int) -> str:
    """The case as text, its odd bytes escaped."""
    return case(seed).decode("utf-8", "surrogateescape")


def show(seed: int) -> str:
    """The case and what is found in it."""
    data = case(seed)
    result = checked(data)
    found = "\n".join(f"{d.span} {d.rule.code} {d.message}" for d in result.diagnostics)
    return f"{data!r}\n{found or 'nothing is found'}"


def case(seed: int) -> bytes:
    """The bytes of a seed."""
    random = Random(seed)
    data = _start(random)
    for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 4, 6))):
        data = random.choice(MUTATIONS)(random, data)
    return data


def _start(random: Random) -> bytes:
    chance = random.random()
    if chance < 0.01:
        return random.choice(specs())
    if chance < 0.06:
        return random.randbytes(random.randrange(40))
    if chance < 0.16:
        words = random.choices(TOKENS, k=random.randrange(20))
        return random.choice((b" ", b"", b"\n")).join(words)
    if chance < 0.22:
        return HEAD + b"network: " + b" ".join(random.choices(TOKENS, k=random.randrange(12)))
    return random.choice(corpus())


def _stretch(random: Random, data: bytes) -> tuple[int, int]:
    """A short stretch of the data, mostly of a few bytes."""
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + random.choice((0, 1, 1, 2, 4, 8, 30)))


def _flip(random: Random, data: bytes) -> bytes:
    if not data:
        return data
    at = random.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]


def _put(random: Random, data: bytes) -> bytes:
    start, end = _stretch(random, data)
    return data[:start] + random.choice(TOKENS) + data[end:]


def _noise(random: Random, data: bytes) -> bytes:
    start, end = _stretch(random, data)
    return data[:start] + random.randbytes(random.randrange(1, 5)) + data[end:]


def _drop(random: Random, data: bytes) -> bytes:
    start, end = _stretch(random, data)
    return data[:start] + data[end:]


def _double(random: Random, data: bytes) -> bytes:
    start, end = _stretch(random, data)
    return data[:end] + data[start:end] * random.choice((1, 1, 2, 8, 100)) + data[end:]


def _cut(random: Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] if random.random() < 0.7 else data[at:]


def _splice(random: Random, data: bytes) -> bytes:
    other = random.choice(corpus())
    at, there = random.randrange(len(data) + 1), random.randrange(len(other) + 1)
    return data[:at] + other[there:]


def _lines(random: Random, data: bytes) -> bytes:
    """Two lines exchanged, one moved in, or one doubled."""
    lines = data.split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    chance = random.random()
    if chance < 0.4:
        lines[at], lines[other] = lines[other], lines[at]
    elif chance < 0.8:
        lines[at] = b" " * random.randrange(1, 4) + lines[at]
    else:
        lines.insert(at, lines[other])
    return b"\n".join(lines)


def _word(random: Random, data: bytes) -> bytes:
    """A word of the text exchanged for a token: what a person mistypes, more or less."""
    words = data.split(b" ")
    words[random.randrange(len(words))] = random.choice(TOKENS)
    return b" ".join(words)


def _heap(random: Random, data: bytes) -> bytes:
    """Something many times: nesting, a long line, a long number, a long name, many keys."""
    start, end = _stretch(random, data)
    count = random.choice((10, 40, 70, 200, 1000) if random.random() < 0.98 else (20_000,))
    piece = random.choice(
        (b"[", b"{a: ", b"- ", b"9", b"a", b"(", b"-", b" ", b"\n", b"[*a,", b"e.")
    )
    heap = piece * count
    if random.random() < 0.1:
        heap = b"".join(b"k%d: &a%d [*a%d]\n" % (i, i + 1, i) for i in range(count % 999))
    return data[:start] + heap + data[end:]


def _encode(random: Random, data: bytes) -> bytes:
    encoding = random.choice(ENCODINGS)
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def _breaks(random: Random, data: bytes) -> bytes:
    return data.replace(b"\n", random.choice((b"\r\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8")))


MUTATIONS: tuple[Callable[[Random, bytes], bytes], ...] = (
    *(_flip, _put, _put, _noise, _drop, _double, _cut, _splice, _lines, _word, _word, _heap),
    *(_flip, _put, _put, _noise, _drop, _double, _cut, _splice, _lines, _word, _word),
    *(_encode, _breaks),
)
