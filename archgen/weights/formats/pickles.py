"""Pickles read as data: a machine that builds inert values, imports nothing and calls nothing.

A pickle is a program. `pickletools.genops` splits it into operations, and this machine runs those that build
numbers, texts, lists and dicts. Where the program would import a class or a function it gets the name alone
(`Global`), and where it would call one, an `Inert` that keeps what it would have been made from; `made` may
say of known names what stands for the result.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

MAX_PICKLE_BYTES = 64 * 2**20
MAX_OPERATIONS = 4_000_000  # each adds a value of at most a hundred bytes or so
_CONSTANTS: Final[Mapping[str, object]] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = frozenset(  # operations that push what they carry
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        *("BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    )
)
_MEMO = frozenset(("GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"))
_STACK = frozenset(("MARK", "POP", "POP_MARK", "DUP"))
_COLLECTIONS = frozenset(
    (
        *("EMPTY_LIST", "EMPTY_SET", "EMPTY_DICT", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("TUPLE", "LIST", "FROZENSET", "DICT", "APPEND", "APPENDS", "ADDITEMS"),
        *("SETITEM", "SETITEMS"),
    )
)
_OF_THE_STREAM = frozenset(("PROTO", "FRAME", "STOP", "READONLY_BUFFER"))
_KEYS = (str, int, float, bool, bytes, type(None))


class PickleError(Exception):
    """Bytes that are not a pickle, or one that is out of bounds."""


@dataclass(frozen=True, slots=True)
class Global:
    """The name of a class or a function that a pickle would import."""

    name: str


@dataclass(slots=True, eq=False)
class Inert:
    """What stands for an object: the name of what would have made it, and everything it would have got."""

    kind: str
    arguments: tuple[object, ...] = ()
    state: object = None
    items: list[object] = field(default_factory=list)
    entries: dict[object, object] = field(default_factory=dict)

    def attributes(self) -> Mapping[object, object]:
        """The entries of an object that is a mapping, else its attributes."""
        if self.entries:
            return self.entries
        parts = self.state if isinstance(self.state, tuple) else (self.state,)  # with its __slots__
        return {
            key: value for part in parts if isinstance(part, dict) for key, value in part.items()
        }


# the value that stands for a call of a name with these arguments; None leaves it an `Inert`
Made = Callable[[str, tuple[object, ...]], object]


def read_pickle(file: IO[bytes], made: Made, referred: Callable[[object], object]) -> object:
    """The value of the next pickle in a file, which is then at the byte after it.

    `referred` gives what stands for a persistent id, as torch calls its storages. Raises PickleError.
    """
    machine = _Machine(made, referred)
    try:
        for count, (operation, argument, _) in enumerate(_operations(file)):
            if count > MAX_OPERATIONS:
                raise PickleError(f"its pickle has more than {MAX_OPERATIONS:,} operations")
            machine.do(operation, argument)
        return machine.stack.pop()
    except (
        ValueError,
        LookupError,
        TypeError,
        OverflowError,
        MemoryError,
        AssertionError,
    ) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise PickleError(f"its pickle is cut off or damaged: {reason[:200]}") from None


def _operations(
    file: IO[bytes],
) -> Iterator[tuple[pickletools.OpcodeInfo, Any | None, int | None]]:
    bounded: Any = _Bounded(file)  # all that genops uses of a file is there
    return pickletools.genops(bounded)


class _Bounded:
    """A file of which no more is read than a pickle may have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MAX_PICKLE_BYTES
        self.tell = file.tell

    def read(self, size: int) -> bytes:
        return self._counted(self._file.read(min(size, self._left + 1)))

    def readline(self) -> bytes:
        return self._counted(self._file.readline(self._left + 1))

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise PickleError(f"its pickle is larger than {MAX_PICKLE_BYTES // 2**20} MiB")
        return data


class _Machine:
    """The stack of a pickle, its marks and its memo."""

    def __init__(self, made: Made, referred: Callable[[object], object]) -> None:
        self.stack: list[object] = []
        self._marked: list[list[object]] = []
        self._memo: dict[int, object] = {}
        self._made = made
        self._referred = referred

    def push(self, value: object) -> None:
        """Puts a value on the stack as it is then."""
        self.stack.append(value)

    def do(self, operation: pickletools.OpcodeInfo, argument: Any) -> None:  # noqa: ANN401  # of any kind
        """Does one operation."""
        name = operation.name
        if name in _VALUES:
            self.push(argument)
        elif name in _MEMO:
            self._remember(name, argument)
        elif name in _COLLECTIONS:
            self._collect(name)
        elif name in _CONSTANTS:
            self.push(_CONSTANTS[name])
        elif name in _STACK:
            self._move(name)
        elif name not in _OF_THE_STREAM:
            self._name(name, argument)

    def _remember(self, name: str, argument: int | None) -> None:
        if name.endswith("GET"):
            assert argument is not None
            self.push(self._memo[argument])
        else:
            self._memo[len(self._memo) if argument is None else argument] = self.stack[-1]

    def _move(self, name: str) -> None:
        match name:
            case "MARK":
                self._marked.append(self.stack)
                self.stack = []
            case "POP" if not self.stack:
                self._since_mark()
            case "POP":
                self.stack.pop()
            case "POP_MARK":
                self._since_mark()
            case "DUP":
                self.push(self.stack[-1])

    def _since_mark(self) -> list[object]:
        found, self.stack = self.stack, self._marked.pop()
        return found

    def _popped(self, count: int) -> tuple[object, ...]:
        if len(self.stack) < count:
            raise ValueError("it takes more values than there are")
        found = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        return found

    def _collect(self, name: str) -> None:
        """Builds lists, tuples, dicts and sets, and adds to them; a set is a list."""
        match name:
            case "EMPTY_LIST" | "EMPTY_SET" | "EMPTY_DICT" | "EMPTY_TUPLE":
                self.push({"EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}.get(name, list)())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self.push(self._popped(int(name[-1])))
            case "TUPLE":
                self.push(tuple(self._since_mark()))
            case "LIST" | "FROZENSET":
                self.push(self._since_mark())
            case "DICT":
                pairs = self._since_mark()
                self.push({})
                self._set(pairs)
            case "SETITEM" | "SETITEMS":
                self._set(self._popped(2) if name == "SETITEM" else self._since_mark())
            case _:
                added = self._popped(1) if name == "APPEND" else self._since_mark()
                owner = self.stack[-1]
                (owner.items if isinstance(owner, Inert) else _list(owner)).extend(added)

    def _set(self, pairs: tuple[object, ...] | list[object]) -> None:
        owner = self.stack[-1]
        entries = owner.entries if isinstance(owner, Inert) else owner
        if not isinstance(entries, dict):
            raise TypeError("it sets entries of what is not a dict")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # the hash of a deep tuple would exhaust the stack of C
            entries[key if isinstance(key, _KEYS) else Inert(type(key).__name__)] = value

    def _name(self, name: str, argument: object) -> None:
        """Keeps the names of what would be imported, and what persistent ids refer to."""
        match name:
            case "GLOBAL":
                self.push(_global(argument))
            case "STACK_GLOBAL":
                module, attribute = self._popped(2)
                self.push(Global(f"{module}.{attribute}"))
            case "EXT1" | "EXT2" | "EXT4":
                self.push(Global(f"the extension {argument}"))
            case "PERSID":
                self.push(self._referred(argument))
            case "BINPERSID":
                self.push(self._referred(self._popped(1)[0]))
            case _:
                self._build(name, argument)

    def _build(self, name: str, argument: object) -> None:
        """Keeps what would be called, with its arguments or its state."""
        match name:
            case "INST":
                self._call(_global(argument), tuple(self._since_mark()))
            case "OBJ":
                maker, *given = self._since_mark()
                self._call(maker, tuple(given))
            case "REDUCE" | "NEWOBJ":
                self._call(*self._popped(2))
            case "NEWOBJ_EX":
                maker, *given = self._popped(3)
                self._call(maker, tuple(given))
            case "BUILD":
                (state,) = self._popped(1)
                if isinstance(owner := self.stack[-1], Inert):
                    owner.state = state
            case _:
                raise ValueError(f"it has the operation {name}")

    def _call(self, maker: object, given: object) -> None:
        if not isinstance(given, tuple):  # a list would be copied at each call
            raise TypeError("it calls with what is not a tuple of arguments")
        match maker:
            case Global(name=kind) | Inert(kind=kind):
                pass
            case _:
                kind = "an object"
        value = self._made(kind, given)
        self.push(Inert(kind, given) if value is None else value)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("it appends to what is not a list")
    return value


def _global(argument: object) -> Global:
    return Global(str(argument).replace(" ", ".", 1))
