"""What `train` and `eval` share: a network made for a data set, and errors as one line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

import click

from archgen.cli.exit_codes import LOST

if TYPE_CHECKING:
    from torch import nn

    from archgen.diagnostics import Diagnostic
    from archgen.ir.shaped import ShapedNetwork
    from archgen.spec.files import SpecText
    from archgen.train import Loading, Recipe
    from archgen.train.data import Images, Split

NEEDED = ("torch", "numpy", "safetensors", "PIL", "rich")
CLASSES = "num_classes"
DEFAULT_RECIPE = "recipes/quick"


class PeerIsLost(click.ClickException):
    """Another process of the same training is gone; the run can be resumed."""

    exit_code = LOST


class Unusable(click.ClickException):
    """Something that training needs is not as it must be; click prints it as one line."""

    exit_code = 2


def require_training() -> None:
    """Raises Unusable with the command to type where a package of the extra `train` is missing."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise Unusable(
            f"training needs {', '.join(missing)}: install them with `pip install 'archgen[train]'`"
        )


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns what the trainer says into one line; so too that memory does not suffice."""
    from archgen.train import TrainingError
    from archgen.train.errors import PeerLost
    from archgen.train.memory import is_out_of_memory

    try:
        yield
    except PeerLost as error:
        raise PeerIsLost(str(error)) from error
    except TrainingError as error:
        raise Unusable(str(error)) from error
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise Unusable(
            "the memory does not suffice; take a smaller batch, a smaller input or a narrower network"
        ) from error


def named_recipe(name: str | None) -> Recipe:
    """The recipe of a file, or the one that comes with archgen. Raises SpecError."""
    from archgen.catalog import find
    from archgen.cli.recipes import sound_recipe
    from archgen.spec.files import read_spec

    return sound_recipe(read_spec(find(name or DEFAULT_RECIPE)))


def recipe_line(name: str, key: str) -> str:
    """Where a sound recipe says the value of `key`: file and line."""
    from archgen.catalog import find
    from archgen.diagnostics import Findings
    from archgen.spec.document import MappingNode, parse
    from archgen.spec.files import read_spec

    text = read_spec(find(name))
    root = parse(text.text, text.source, Findings())
    body = root.get("recipe") if isinstance(root, MappingNode) else None
    found = body.key(key) if isinstance(body, MappingNode) else None
    return text.source if found is None else f"{text.source}:{found.span.start.line}"


def loading_of(recipe: Recipe, workers: int | None) -> Loading:
    """How a recipe wants its images, read by as many processes; None leaves that to the machine."""
    from archgen.train import Loading, default_workers

    return Loading(
        recipe.augment.preset,
        default_workers() if workers is None else workers,
        recipe.on_bad,
        recipe.max_bad,
        recipe.prepared,
    )


def input_of(text: SpecText) -> tuple[int, int, int]:
    """What the network of a spec takes: channels, height, width. Raises SpecError for a spec with errors."""
    from archgen.pipeline import check

    shape = check(text).sound_network().network.input
    return shape.channels, shape.height, shape.width


def load_images(text: SpecText, data: str, split: Split, loading: Loading) -> Images:
    """The images that `--data` names, as the network of a spec takes them.

    Raises SpecError for a spec with errors.
    """
    from archgen.train import load_data

    channels, height, width = input_of(text)
    return load_data(
        data, channels=channels, height=height, width=width, split=split, loading=loading
    )


class Trainable(NamedTuple):
    """A network that fits a data set: its shapes, its module, and the spec of exactly this network."""

    network: ShapedNetwork
    module: nn.Module
    spec: str
    doubts: tuple[Diagnostic, ...] = ()  # warnings of the spec about what it is trained on

    @property
    def macs(self) -> int:
        """The multiply-adds of the network for one image, in evaluation."""
        from archgen.cost import Costs

        return Costs().network(self.network).cost.macs

    @property
    def aux_weights(self) -> dict[str, float]:
        """The loss weight of each head that is trained along; 1 where the spec says nothing."""
        heads = [head.head for head in self.network.heads]
        return {
            head.name: 1.0 if head.loss_weight is None else head.loss_weight
            for head in heads
            if head.training_only
        }


def make_trainable(text: SpecText, classes: int | None, seed: int) -> Trainable:
    """The network of a spec with as many classes as the data, its weights drawn from `seed`.

    Raises SpecError for a spec with errors.
    """
    from archgen.diagnostics import Findings, SpecError
    from archgen.emit import emit
    from archgen.emit.module import build_class
    from archgen.infer import infer
    from archgen.pipeline import check
    from archgen.resolve.printer import print_spec
    from archgen.rules import ACTIVATION_BEFORE_LOSS
    from archgen.train.computing import seed_weights

    compilation = check(text)
    network = compilation.sound_network()
    if classes is not None and CLASSES in network.block.arguments:
        findings = Findings()
        arguments = {CLASSES: classes}
        again = infer(network.network, findings, arguments)
        if again is None or findings.has_errors:
            raise SpecError(findings.diagnostics, dict(compilation.sources))
        network = again
    spec = print_spec(network.network, network.block.arguments)
    seed_weights(seed)
    module = build_class(emit(network, {"": spec}, text.source))()
    doubts = tuple(
        found for found in compilation.diagnostics if found.rule is ACTIVATION_BEFORE_LOSS
    )
    return Trainable(network, module, spec, doubts)
