"""Text to `SpecFile`: the document, its kind, its models, and the libraries it uses.

text --parse--> nodes --read_model--> Network or Library --use--> SpecFile
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from archgen.diagnostics import Diagnostic, Findings, Rule, SpecError, did_you_mean
from archgen.rules import (
    LIMIT,
    MISSING_KEY,
    NEWER_LANGUAGE,
    RECURSION,
    UNKNOWN_BASE,
    UNKNOWN_LIBRARY,
    WRONG_KIND,
    WRONG_TYPE,
)
from archgen.spec.document import MappingNode, Node, ScalarNode, SequenceNode, parse
from archgen.spec.edited import Edited, Extended
from archgen.spec.extending import extended
from archgen.spec.files import SpecText, read_spec, root_of, start_of
from archgen.spec.mappings import read_model, read_models, unknown_key
from archgen.spec.model import (
    Alternative,
    Block,
    Extension,
    Library,
    Network,
    Output,
)

LANGUAGE_VERSION = 1
MAX_EXTENDED = 8  # files in a row
MAX_USED = 32  # libraries in a row
KINDS = ("network", "blocks", "recipe", "preparation", "weights", "experiment")
_IN_WORDS = {
    "network": "holds a network",
    "blocks": "holds blocks",
    "recipe": "is a training recipe",
    "preparation": "says how images are prepared",
    "weights": "tells of weights",
    "experiment": "is an experiment",
}


@dataclass(frozen=True)
class SpecFile:
    """One file with everything it refers to. `blocks` holds None for a block that cannot be read.

    `edits` are those by which it and the specs that it extends were made, the first one first.
    """

    text: SpecText
    model: Network | Library
    blocks: Mapping[str, Block | None]
    libraries: Mapping[str, SpecFile | None]
    texts: Mapping[str, str]
    outputs: Mapping[str, Output | None] = field(default_factory=dict)
    alternatives: Mapping[str, Alternative | None] = field(default_factory=dict)
    edits: tuple[Edited, ...] = ()

    @property
    def network(self) -> Network:
        """The model of a network file."""
        assert isinstance(self.model, Network)
        return self.model

    def sources(self) -> dict[str, str]:
        """The texts of this file and of every file it uses, by the names that findings show."""
        return dict(self.texts)


class Reader(Protocol):
    """Reads a library: the file at a path below a folder. Raises SpecError."""

    def __call__(self, path: Path, *, within: Path) -> SpecText:
        """The text of the file."""


def load(
    text: SpecText,
    findings: Findings,
    read: Reader = read_spec,
    texts: dict[str, str] | None = None,
) -> SpecFile | None:
    """The file and the libraries it uses; None where too little of it can be read to go on.

    Every text that is read goes to `texts`, by the name that findings show.
    """
    loader = _Loader(findings, read, {} if texts is None else texts)
    return loader.file(text, wanted=("network", "blocks"))


def kind_of(root: Node) -> str:
    """The key that tells a file's kind, or an empty text."""
    keys = {key.text for key, _ in root.entries} if isinstance(root, MappingNode) else set()
    own = next((kind for kind in KINDS if kind in keys), "")
    return "network" if "extends" in keys and own in ("", "blocks") else own


def read_document(
    text: SpecText, wanted: tuple[str, ...], findings: Findings
) -> MappingNode | None:
    """The document of a file of a wanted kind, its language version checked."""
    before = len(findings.diagnostics)
    root = parse(text.text, text.source, findings)
    if root is None:
        if len(findings.diagnostics) == before:
            findings.add(
                WRONG_TYPE.at(
                    start_of(text.source), "the file is empty", help="begin with `archgen: 1`"
                )
            )
        return None
    if not isinstance(root, MappingNode):
        findings.add(
            WRONG_TYPE.at(root.span, "a spec is a mapping of keys", help="begin with `archgen: 1`")
        )
        return None
    if not _is_readable_version(root, findings):
        return None
    kind = kind_of(root)
    if "network" in wanted and kind != "network" and (inner := _indented_network(root)):
        message = "`network` belongs to the file, and stands inside another key"
        findings.add(WRONG_KIND.at(inner.span, message, help="write it at the start of a line"))
        return None
    if "network" in wanted and (slip := _misspelt_network(root, kind)) is not None:
        findings.add(unknown_key(slip, "a spec", ["network"]))
        return None
    if kind not in wanted:
        findings.add(_wrong_kind(root, text, kind, wanted))
        return None
    return root


def _indented_network(root: MappingNode) -> ScalarNode | None:
    """The key `network` with its list of steps, where it is one level too deep."""
    for _, inner in root.entries:
        if isinstance(inner, MappingNode) and isinstance(inner.get("network"), SequenceNode):
            return inner.key("network")
    return None


def _misspelt_network(root: MappingNode, kind: str) -> ScalarNode | None:
    """The key that is meant as `network`, in a file that has blocks and also an input."""
    if kind != "blocks" or root.get("input") is None:
        return None
    return next((key for key, _ in root.entries if did_you_mean(key.text, ["network"])), None)


def _is_readable_version(root: MappingNode, findings: Findings) -> bool:
    version = root.get("archgen")
    if not isinstance(version, ScalarNode):
        return True
    is_number = isinstance(version.value, int) and not isinstance(version.value, bool)
    if is_number and version.value == LANGUAGE_VERSION:
        return True
    if isinstance(version.value, int) and version.value > LANGUAGE_VERSION:
        message = f"this spec needs archgen {version.value}, and this one reads version {LANGUAGE_VERSION}"
        findings.add(NEWER_LANGUAGE.at(version.span, message, help="install a newer archgen"))
        return False
    findings.add(
        WRONG_TYPE.at(
            version.span,
            f"`{version.text}` is no version of the language",
            help="write `archgen: 1`",
        )
    )
    return True


def _wrong_kind(
    root: MappingNode, text: SpecText, kind: str, wanted: tuple[str, ...]
) -> Diagnostic:
    keys = " or ".join(f"`{key}`" for key in wanted)
    if kind:
        place = key.span if (key := root.key(kind)) else root.span
        message = f"this file {_IN_WORDS[kind]}, and one with {keys} is needed here"
        return WRONG_KIND.at(place, message, help=f"name a file that has the key {keys}")
    if "network" in wanted and (edits := root.key("edit")) is not None:
        message = "this file has edits, and no key `extends` that names what they edit"
        return MISSING_KEY.at(edits.span, message, help="write `extends: other.yaml`")
    legal = [*wanted, "extends"] if "network" in wanted else list(wanted)
    for key, _ in root.entries:
        if did_you_mean(key.text, legal):
            return unknown_key(key, "a spec", legal)
    message = f"this file does not tell what it is: it has no key {keys}"
    help = f"write `{wanted[0]}:` and what belongs to it"
    return WRONG_KIND.at(start_of(text.source), message, help=help)


class _Loader:
    """Loads a file and, once each, the files it uses."""

    def __init__(self, findings: Findings, read: Reader, texts: dict[str, str]) -> None:
        self._findings = findings
        self._reader = read
        self._open: list[Path] = []
        self._loaded: dict[Path, SpecFile | None] = {}
        self._texts = texts

    def file(self, text: SpecText, wanted: tuple[str, ...]) -> SpecFile | None:
        self._texts[text.source] = text.text
        root = read_document(text, wanted, self._findings)
        if root is None:
            return None
        kind = Network if kind_of(root) == "network" else Library
        whole = self._whole(text, root)
        if whole is None:
            return None
        (root, edits), origin = whole
        model = read_model(kind, root, self._findings)
        if model is None:
            return None
        assert isinstance(model, Network | Library)
        blocks = read_models(Block, model.blocks, self._findings)
        libraries = self._libraries(origin, model)
        if isinstance(model, Library):
            return SpecFile(text, model, blocks, libraries, self._texts)
        outputs = read_models(Output, model.outputs, self._findings)
        alternatives = read_models(Alternative, model.alternatives, self._findings)
        return SpecFile(text, model, blocks, libraries, self._texts, outputs, alternatives, edits)

    def _whole(self, text: SpecText, root: MappingNode) -> tuple[Extended, SpecText] | None:
        """The document without `extends`, and the file from which the paths in it go."""
        if root.get("extends") is None:
            return Extended(root), text
        own = read_model(Extension, root, self._findings)
        found = self._base(text, own.extends) if own is not None else None
        if own is None or found is None:
            return None
        base, origin = found
        made = extended(base.root, own, self._findings)
        whole = None if made is None else made._replace(edits=(*base.edits, *made.edits))
        return None if whole is None else (whole, origin)

    def _base(self, text: SpecText, named: ScalarNode) -> tuple[Extended, SpecText] | None:
        """The whole document of the file that is extended, and the file it comes from."""
        if text.path is not None:
            self._open.append(text.path.resolve())
        path = self._path(text, named, UNKNOWN_BASE)
        other = None if path is None else self._text(path, text, named, UNKNOWN_BASE)
        found = None
        if other is not None and len(self._open) > MAX_EXTENDED:
            message = f"specs extend each other more than {MAX_EXTENDED} files deep"
            self._findings.add(LIMIT.at(named.span, message, help="extend an earlier one"))
        elif other is not None:
            self._texts[other.source] = other.text
            root = read_document(other, ("network",), self._findings)
            found = None if root is None else self._whole(other, root)
        if text.path is not None:
            self._open.pop()
        return found

    def _libraries(self, text: SpecText, model: Network | Library) -> dict[str, SpecFile | None]:
        entries = model.use.entries if model.use else ()
        return {name.text: self._library(text, path) for name, path in entries}

    def _library(self, text: SpecText, named: Node) -> SpecFile | None:
        if not isinstance(named, ScalarNode) or not isinstance(named.value, str) or not named.text:
            self._findings.add(WRONG_TYPE.at(named.span, "`use` takes a path to a file of blocks"))
            return None
        path = self._path(text, named, UNKNOWN_LIBRARY)
        if path is None:
            return None
        real = path.resolve()
        if len(self._open) >= MAX_USED:
            message = f"libraries use each other more than {MAX_USED} files deep"
            help = "move shared blocks to a library that uses fewer others"
            self._findings.add(LIMIT.at(named.span, message, help=help))
            return None
        if real not in self._loaded:
            self._open.append(real)
            library = self._text(path, text, named, UNKNOWN_LIBRARY)
            self._loaded[real] = None if library is None else self.file(library, wanted=("blocks",))
            self._open.pop()
        return self._loaded[real]

    def _path(self, text: SpecText, named: ScalarNode, rule: Rule) -> Path | None:
        """The file that a path in a spec means, if it may name that."""
        base = text.path if text.path is not None else Path("-")
        path = base.parent / named.text
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError):
            message = f"`{named.text}` cannot be the path of a file"
            self._findings.add(rule.at(named.span, message, help="check the path"))
            return None
        problem = self._refusal(root_of(base), real, named, rule)
        if problem is not None:
            self._findings.add(problem)
            return None
        return path

    def _refusal(self, root: Path, real: Path, named: ScalarNode, rule: Rule) -> Diagnostic | None:
        if Path(named.text).is_absolute() or not real.is_relative_to(root):
            return rule.at(
                named.span,
                f"`{named.text}` lies outside `{root.name}`, the project this spec belongs to",
                help="name a file by its path relative to this one",
            )
        if ".git" in real.relative_to(root).parts:  # a token may lie there, and be shown
            message = f"`{named.text}` lies in git's own folder"
            return rule.at(named.span, message, help="name a file of the project")
        if real in self._open:
            verb, help = "uses", "move the shared blocks to a third file"
            if rule is UNKNOWN_BASE:
                verb, help = "extends", "name the file that has the whole network"
            return RECURSION.at(named.span, f"`{named.text}` {verb} itself", help=help)
        return None

    def _text(self, path: Path, text: SpecText, named: ScalarNode, rule: Rule) -> SpecText | None:
        base = text.path if text.path is not None else Path("-")
        try:
            return self._reader(path, within=root_of(base))
        except SpecError as error:
            reason = error.diagnostics[0]
            message = f"`{named.text}`: {reason.message}"
            help = reason.help
            if reason.meant and (meant := Path(reason.meant)).is_relative_to(base.parent):
                help = f"did you mean `{meant.relative_to(base.parent)}`?"  # paths go from the file
            self._findings.add(rule.at(named.span, message, help=help))
            return None
