"""Random valid networks: the checker, the costs, the live module, the emitted text and torch agree.

The reference (`reference.py`, `tensors.py`) says what a network means; the compiler's shapes, costs
and modules are held to it, the module's multiply-adds to torch's own counter, and the emitted files
are imported in a fresh process with another hash seed.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from inspect import signature
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archgen.cost import Costs
from archgen.diagnostics import Findings
from archgen.emit import emit
from archgen.emit.module import build_class
from archgen.infer import infer
from archgen.ir.graph import JoinCall
from archgen.ir.shaped import ShapedGraph, ShapedNetwork
from archgen.pipeline import Compilation, check
from archgen.resolve.printer import print_spec
from archgen.spec.files import SpecText
from tools.fuzzing.fresh import SPEC_NAME
from tools.fuzzing.generate import network
from tools.fuzzing.inert import problems
from tools.fuzzing.outcome import Failure, Outcome
from tools.fuzzing.plan import Network, spec_text
from tools.fuzzing.reference import Fault, Meaning, Walk, joined, meaning
from tools.fuzzing.running import BATCH as SAMPLES
from tools.fuzzing.running import differences, fill, made_input, outputs
from tools.fuzzing.shapes import Shape
from tools.fuzzing.tensors import Tensors

NAME = "networks"
LAST_DIGITS = 2.0**-50  # of a double
BATCH = 100
PATIENCE = 480.0
ROOT = Path(__file__).parents[2]


class Broken(Exception):
    """A promise that a case breaks."""


class Made(NamedTuple):
    """A case that is right so far: what a fresh process is to find again."""

    text: str
    source: str
    input: tuple[int, int, int]
    outputs: Mapping[str, Tensor]


def run(seeds: range) -> Iterator[Outcome]:
    """One outcome a seed, after the fresh process that all of them share."""
    torch.set_num_threads(1)
    results = {seed: _guarded(seed) for seed in seeds}
    made = {seed: result for seed, (result, _) in results.items() if isinstance(result, Made)}
    before = os.times()
    found = in_fresh_process(made)
    after = os.times()
    spent = after.children_user + after.children_system
    spent -= before.children_user + before.children_system
    share = spent / max(1, len(made))
    for seed, (result, seconds) in results.items():
        failure = result if isinstance(result, Failure) else None
        if isinstance(result, Made):
            failure = _found_again(result, found.get(seed, "it is missing"))
        yield Outcome(seed, seconds + share, failure, "valid")


def text_of(seed: int) -> str:
    """The spec of a seed."""
    return spec_text(network(seed))


def show(seed: int) -> str:
    """The spec of a case, and what the compiler makes of it."""
    text = text_of(seed)
    compilation = check(SpecText(SPEC_NAME, text))
    found = [f"{d.span} {d.rule.code} {d.message}" for d in compilation.diagnostics]
    try:
        source = emit(compilation.sound_network(), compilation.sources, SPEC_NAME).text
    except Exception as error:  # noqa: BLE001  # whatever it is, it is shown
        source = repr(error)
    return "\n".join([text, *found, "", source])


def _guarded(seed: int) -> tuple[Made | Failure, float]:
    began = process_time()
    text = ""
    try:
        case = network(seed)
        text = spec_text(case)
        result: Made | Failure = _case(seed, case, text)
    except Broken as broken:
        result = Failure(str(broken), text)
    except Exception as error:  # noqa: BLE001  # the promise is that there is none
        result = Failure(f"{type(error).__name__}: {error}", text)
    return result, process_time() - began


def _case(seed: int, case: Network, text: str) -> Made:
    """Holds one network to its meaning. Raises Broken."""
    meant, in_evaluation = meaning(case), _in_evaluation(case)
    compilation = check(SpecText(SPEC_NAME, text))
    shaped = _sound(compilation)
    _compare_prediction(shaped, meant, in_evaluation)
    source = emit(shaped, compilation.sources, SPEC_NAME)
    for problem in problems(source.text):
        raise Broken(f"the emitted module holds {problem}")
    made = build_class(source)
    module = fill(made(), seed)
    x = made_input(case.input, seed)
    results = _evaluate(case, module, x, meant, in_evaluation)
    _train(case, module, x)
    _print_and_read_again(shaped, source.text, meant)
    _with_other_arguments(seed, case, shaped, made, x)
    return Made(text, source.text, case.input, results)


def _in_evaluation(case: Network) -> Meaning:
    heads = {name: head for name, head in case.heads.items() if not head.training_only}
    return meaning(replace(case, heads=heads))


def _sound(compilation: Compilation) -> ShapedNetwork:
    errors = [d for d in compilation.diagnostics if d.severity == "error"]
    for error in errors:
        raise Broken(f"refused: line {error.span.start.line}: {error.rule.code} {error.message}")
    return compilation.sound_network()


# --- prediction ----------------------------------------------------------------------------------


def _compare_prediction(shaped: ShapedNetwork, meant: Meaning, in_evaluation: Meaning) -> None:
    _require_same("the predicted shapes", dict(predicted(shaped)), dict(meant.trace))
    cost = Costs().network(shaped)
    _require_same("the predicted params", cost.cost.params, _count(in_evaluation))
    _require_same("the predicted params in training", cost.params_training, _count(meant))
    _require_same("the predicted multiply-adds", cost.cost.macs, in_evaluation.macs)


def _count(meant: Meaning) -> int:
    return sum(torch.Size(shape).numel() for shape in meant.weights.values())


def _require_same(what: str, found: object, wanted: object) -> None:
    if found == wanted:
        return
    if isinstance(found, dict) and isinstance(wanted, dict):
        odd = [k for k in {**wanted, **found} if found.get(k) != wanted.get(k)]
        found, wanted = {k: found.get(k) for k in odd}, {k: wanted.get(k) for k in odd}
    raise Broken(f"{what}: {found}, and not {wanted}")


def predicted(shaped: ShapedNetwork) -> Iterator[tuple[str, Shape]]:
    """The path of each step but joins, with the shape that the compiler infers."""
    yield from _predicted(shaped.block.graph, "")
    for head in shaped.heads:
        yield from _predicted(head.graph, head.head.name)


def _predicted(graph: ShapedGraph, path: str) -> Iterator[tuple[str, Shape]]:
    for node in graph.nodes:
        here = joined(path, node.node.segment)
        if isinstance(node.node.call, JoinCall):
            for branch in node.branches:
                name = branch.branch.name
                is_body = node.op is not None and node.op.name == "residual" and name == "body"
                yield from _predicted(branch.graph, joined(here, "" if is_body else name))
            continue
        for run in node.runs:
            for number in range(run.first, run.first + run.count):
                if run.instance.block is not None:
                    yield from _predicted(run.instance.block.graph, f"{here}.{number}")
        if node.block is not None:
            yield from _predicted(node.block.graph, here)
        assert node.output is not None
        grid = node.output.grid
        yield here, Shape(node.output.channels, grid and (grid.height, grid.width))


# --- the live module -----------------------------------------------------------------------------


def _evaluate(
    case: Network, module: nn.Module, x: Tensor, meant: Meaning, in_evaluation: Meaning
) -> dict[str, Tensor]:
    """The module's outputs in evaluation, right in names, shapes, multiply-adds and numbers."""
    weights = {name: tuple(tensor.shape) for name, tensor in module.named_parameters()}
    _require_same("the module's params", weights, meant.weights)
    seen: dict[str, Shape] = {}
    for path, _ in meant.trace:
        _watch(module, path, seen)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        found = outputs(module.eval()(x))
    shapes = {path: shape for path, shape in meant.trace if path in seen}
    _require_same("the shapes in the module", seen, shapes)
    flops = counter.get_total_flops()
    _require_same("torch's count of flops", flops, 2 * SAMPLES * in_evaluation.macs)
    wanted, _ = _reference(case, dict(module.state_dict()), x, training=False)
    heads = {name for name, head in case.heads.items() if head.training_only}
    _agree("in evaluation", found, {k: v for k, v in wanted.items() if k not in heads})
    return found


def _watch(module: nn.Module, path: str, seen: dict[str, Shape]) -> None:
    """Notes the shape that the layer at `path`, if there is one, makes."""
    try:
        layer = module.get_submodule(path)
    except AttributeError:
        return

    def note(_module: nn.Module, _inputs: object, output: Any) -> None:  # noqa: ANN401
        out = output if isinstance(output, Tensor) else output[0]
        seen[path] = Tensors({}, training=False).shape(out)

    layer.register_forward_hook(note)


def _reference(
    case: Network,
    weights: Mapping[str, Tensor],
    x: Tensor,
    *,
    training: bool,
    arguments: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The outputs by name, and the statistics that training has changed."""
    engine = Tensors(weights, training=training)
    walk = Walk(case, engine)
    out = walk.network(x, arguments or {})
    return {"": out, **walk.heads}, engine.updated


def _agree(when: str, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    for difference in differences(found, wanted):
        raise Broken(f"{when}: {difference}")


def _train(case: Network, module: nn.Module, x: Tensor) -> None:
    """One step forwards and backwards in training: outputs, statistics and gradients."""
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    found = outputs(module.train()(x))
    _total(found).backward()
    if any(map(_is_random, module.modules())):
        return
    leaves = {name: before[name].requires_grad_() for name, _ in module.named_parameters()}
    wanted, updated = _reference(case, {**before, **leaves}, x, training=True)
    _agree("in training", found, wanted)
    buffers = {name: tensor for name, tensor in module.named_buffers() if name in updated}
    _agree("statistics", buffers, updated)
    _total(wanted).backward()
    made, gradients = _gradients(dict(module.named_parameters())), _gradients(leaves)
    if any(differences(made, gradients)) and not _magnifies_rounding(module, before, x, made):
        _agree("gradients", made, gradients)


def _magnifies_rounding(
    module: nn.Module, before: Mapping[str, Tensor], x: Tensor, made: Mapping[str, Tensor]
) -> bool:
    """Whether the last digits of weights and input alone move the gradients by more than is tolerated.

    Norms of few values that are nearly equal, one behind the other, do that.
    """
    module.load_state_dict({name: _nudged(tensor) for name, tensor in before.items()})
    module.zero_grad()
    _total(outputs(module(_nudged(x)))).backward()
    return any(differences(_gradients(dict(module.named_parameters())), made))


def _nudged(tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    factors = torch.randn(tensor.shape, generator=torch.Generator(), dtype=tensor.dtype)
    return tensor * (1 + LAST_DIGITS * factors)


def _is_random(layer: nn.Module) -> bool:
    """Whether the layer drops something in training."""
    drops_samples = type(layer).__name__.startswith("StochasticDepth")
    rate = getattr(layer, "rate", 0) if drops_samples else getattr(layer, "p", 0)
    return bool(isinstance(layer, nn.Dropout) or drops_samples) and rate > 0


def _total(results: Mapping[str, Tensor]) -> Tensor:
    """One number in which every element counts, each somewhat otherwise; it needs a gradient."""
    parts = []
    for tensor in results.values():
        factors = torch.linspace(0.5, 1.5, tensor.numel(), dtype=tensor.dtype)
        parts.append((tensor.flatten() * factors).sum())
    zero = torch.zeros((), dtype=torch.float64, requires_grad=True)
    return torch.stack(parts).sum() + zero


def _gradients(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad
        for name, weight in weights.items()
    }


# --- printed, and with other arguments -----------------------------------------------------------


def _print_and_read_again(shaped: ShapedNetwork, source: str, meant: Meaning) -> None:
    """The resolved spec is of the same network, down to the code that is emitted."""
    printed = print_spec(shaped.network, shaped.block.arguments)
    compilation = check(SpecText(SPEC_NAME, printed))
    errors = [d for d in compilation.diagnostics if d.severity == "error"]
    for error in errors:
        line = printed.splitlines()[error.span.start.line - 1]
        raise Broken(f"the resolved spec is refused: {error.message}: {line}")
    again = compilation.sound_network()
    _require_same("shapes of the resolved spec", dict(predicted(again)), dict(meant.trace))
    text = emit(again, compilation.sources, SPEC_NAME).text
    if _code(text) != _code(source):
        raise Broken("the resolved spec is emitted otherwise")


def _code(text: str) -> str:
    """The module without its docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree)


def _with_other_arguments(
    seed: int, case: Network, shaped: ShapedNetwork, made: type[nn.Module], x: Tensor
) -> None:
    """The network's class with other numbers is the network with those numbers, or both are refused."""
    taken = [name for name in case.params if name in signature(made).parameters]
    if not taken:
        return
    arguments: dict[str, object] = {}
    for place, name in enumerate(taken):
        number = (seed // 7 ** (place % 5)) % 6 + 1
        arguments[name] = number if case.params[name].kind == "int" else number / 8
    try:
        meant = meaning(replace(case, expect={}), arguments)
    except Fault:
        return
    if max(shape.size for _, shape in [("", meant.output), *meant.trace]) > 20_000:
        return
    again = infer(shaped.network, found := Findings(), arguments)
    if again is None or any(d.severity == "error" for d in found.diagnostics):
        raise Broken(f"with {arguments}: refused")
    _require_same(f"the shapes with {arguments}", dict(predicted(again)), dict(meant.trace))
    module = fill(made(**arguments), seed).eval()
    weights = {name: tuple(tensor.shape) for name, tensor in module.named_parameters()}
    _require_same(f"the module's params with {arguments}", weights, meant.weights)
    heads = {name for name, head in case.heads.items() if head.training_only}
    with torch.no_grad():
        found_outputs = outputs(module(x))
        weights_now = dict(module.state_dict())
        wanted, _ = _reference(case, weights_now, x, training=False, arguments=arguments)
    wanted = {name: tensor for name, tensor in wanted.items() if name not in heads}
    _agree(f"with {arguments}", found_outputs, wanted)


# --- fresh processes -----------------------------------------------------------------------------


def in_fresh_process(made: Mapping[int, Made]) -> Mapping[int, Mapping[str, Tensor] | str]:
    """What a process of its own finds in the emitted files."""
    if not made:
        return {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = []
        for seed, case in made.items():
            (folder / f"net{seed}.py").write_text(case.source)
            cases.append({"seed": seed, "text": case.text, "input": case.input})
        (folder / "cases.json").write_text(json.dumps(cases))
        environment = {
            **os.environ,
            "PYTHONHASHSEED": str(next(iter(made)) % 2**32),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "tools.fuzzing.fresh", name]
        done = subprocess.run(  # noqa: S603  # our own interpreter and module
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            return dict.fromkeys(made, f"the fresh process ended: {done.stderr[-2000:]}")
        found: Mapping[int, Mapping[str, Tensor] | str] = torch.load(folder / "found.pt")
        return found


def _found_again(case: Made, found: Mapping[str, Tensor] | str) -> Failure | None:
    if isinstance(found, str):
        return Failure(f"in a fresh process: {found}", case.text)
    wanted = {f"eval {name}": tensor for name, tensor in case.outputs.items()}
    for difference in differences(found, wanted):
        return Failure(f"in a fresh process: {difference}", case.text)
    return None
