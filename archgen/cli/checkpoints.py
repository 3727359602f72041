"""What the commands of `archgen weights` share: a checkpoint named on the command line, and maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archgen.cli.terminal import note
from archgen.cli.training import Unusable

if TYPE_CHECKING:
    from torch import nn

    from archgen.ir.shaped import ShapedNetwork
    from archgen.weights.checkpoint import Checkpoint
    from archgen.weights.dialects import Dialect
    from archgen.weights.leaves import Leaf

NEEDED = ("torch", "numpy", "safetensors")
SOURCES = ("timm", "torchvision", "tf_slim", "keras", "facenet", "cadene")
WITH_BACKGROUND = ("tf_slim", "cadene")


class Target(NamedTuple):
    """The network of a spec as weights see it: its title, its layers, and the texts it is made of.

    `path` is the file of the spec; None for one from standard input or another revision.
    """

    network: ShapedNetwork
    title: str
    leaves: tuple[Leaf, ...]
    sources: dict[str, str]
    spec_sha256: str
    path: Path | None = None


def require_weights() -> None:
    """Raises Unusable with the command to type where a package of the extra `train` is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Unusable(
            f"weights need {', '.join(missing)}: install them with `pip install 'archgen[train]'`"
        )


def read_network(spec: str, assignments: Sequence[str] = ()) -> Target:
    """The network that a spec means, with what was `--set`. Raises SpecError."""
    from archgen.cli.locate import read_target
    from archgen.cli.networks import checked
    from archgen.cli.overriding import overridden
    from archgen.spec.files import digest_of
    from archgen.weights.leaves import leaves_of

    text = read_target(spec)
    compilation = checked(text)
    network, sources = compilation.sound_network(), dict(compilation.sources)
    if assignments:
        network, sources = overridden(compilation, assignments)
    title = network.network.title
    return Target(
        network, title, leaves_of(network), sources, digest_of(sources.values()), text.path
    )


@contextmanager
def opened(name: str, part: str = "") -> Iterator[Checkpoint]:
    """The checkpoint of a name. Raises SpecError or Unusable where it cannot be read, also later."""
    from archgen.diagnostics import SpecError
    from archgen.weights.checkpoint import Unreadable, open_checkpoint
    from archgen.weights.problems import unreadable

    if not name:
        raise Unusable("the name of the file is empty")
    try:
        yield open_checkpoint(Path(name), part)
    except Unreadable as error:
        raise SpecError([unreadable(name, error)]) from None
    except OSError as error:
        raise Unusable(f"`{name}` cannot be read: {_reason(error, Path(name))}") from None


def _reason(error: OSError, path: Path) -> str:
    from archgen.diagnostics import did_you_mean

    if not isinstance(error, FileNotFoundError):
        return (error.strerror or str(error)).lower()
    try:
        names = [other.name for other in path.parent.iterdir()]
    except OSError:
        return "there is no such file"
    near = did_you_mean(path.name, names)
    hint = f"; did you mean `{path.with_name(near)}`?" if near else ""
    return f"there is no such file{hint}"


def live_class(target: Target) -> type[nn.Module]:
    """The class of a network; the first values of the next that is made are drawn from the seed 0."""
    from archgen.emit import emit
    from archgen.emit.module import build_class
    from archgen.train.computing import seed_weights

    seed_weights(0)
    return build_class(emit(target.network, target.sources, target.title))


def write_result(name: str, parts: Iterable[bytes | memoryview], *, never: Iterable[Path]) -> None:
    """Writes a result, whole or not at all, and over none of the files that it is made of."""
    from archgen.cli.write_file import CannotWrite, write_parts

    try:
        write_parts(Path(name), parts, never=never)
    except CannotWrite as error:
        raise Unusable(str(error)) from None
    note(f"wrote {name}")


def dialect_of(code: str, checkpoint: Checkpoint) -> Dialect:
    """How a code calls its tensors; `auto` goes by the kind of file."""
    from archgen.weights.dialects import DIALECTS, TORCH

    return checkpoint.dialect if code == "auto" else DIALECTS.get(code, TORCH)
