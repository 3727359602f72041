"""Lifts networks, saves their state dicts in three orders, and imports each: equal logits, or a refusal.

    OMP_NUM_THREADS=1 .venv-oracles/bin/python -m tools.oracles.imports [NAME...]

Prints a row for each network and the counts at the end. The exit status is 1 where an import ended with
status 0 and other logits. A lifted spec leaves out what does nothing in evaluation, such as auxiliary heads;
a file that holds them is refused, too.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from archgen import build
from archgen.cli import main as command
from archgen.lift.lifting import lift, noise
from archgen.lift.source import Original, original

EQUAL, REFUSED, OTHER = "equal", "refused", "OTHER LOGITS"
FORMS = ("safetensors", "sorted .pth", "module's order")
BOUND = 1e-5  # of the largest logit; a lifted network may add in another order
TIMM = (
    *("resnet18", "resnet50", "resnet26d", "seresnet50", "efficientnet_b0", "mobilenetv2_100"),
    *("mobilenetv3_large_100", "densenet121", "vgg11_bn", "inception_v3", "inception_v4", "dla34"),
    *(
        "legacy_xception",
        "dpn68",
        "hrnet_w18_small",
        "repvgg_a0",
        "res2net50_26w_4s",
        "selecsls42b",
    ),
    *("tf_efficientnet_b0", "regnety_004", "convnext_atto", "mnasnet_100", "ghostnet_100"),
    *("cspresnet50", "darknet53", "rexnet_100", "fbnetc_100", "lcnet_050", "tinynet_a", "gernet_s"),
    *("resnetv2_50", "semnasnet_100", "spnasnet_100", "hardcorenas_a", "ese_vovnet19b_dw"),
    *("xception41", "inception_resnet_v2"),
)
TORCHVISION = (
    *("alexnet", "resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "densenet121"),
    *("squeezenet1_1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v2_x1_0", "mnasnet1_0"),
    *(
        "efficientnet_b0",
        "convnext_tiny",
        "regnet_y_400mf",
        "vgg11_bn",
        "googlenet",
        "inception_v3",
    ),
)
TARGETS = (*(f"timm:{name}" for name in TIMM), *(f"torchvision:{name}" for name in TORCHVISION))


def main(targets: Sequence[str]) -> int:
    """Prints the table; 1 where any import gave other logits."""
    warnings.simplefilter("ignore")
    counts = {form: Counter[str]() for form in FORMS}
    print(f"| network | {' | '.join(FORMS)} |")
    print("| --- | --- | --- | --- |")
    for target in targets:
        found = outcomes(target)
        for form, outcome in found.items():
            counts[form][outcome] += 1
        print(f"| `{target}` | {' | '.join(found.values())} |", flush=True)
    for form, count in counts.items():
        print(f"{form}: {', '.join(f'{often} {outcome}' for outcome, often in count.items())}")
    return int(any(count[OTHER] for count in counts.values()))


def outcomes(target: str) -> dict[str, str]:
    """What comes of importing a network's state dict into its lifted spec, for each form of the file."""
    module = original(target)
    images = noise(module)
    text = lift(module, images).text
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = folder / "net.yaml"
        spec.write_text(text, encoding="utf-8")
        with torch.inference_mode():
            wanted = _first(module.module.eval()(images))
        return {form: _outcome(spec, module, images, wanted, form) for form in FORMS}


def _outcome(spec: Path, module: Original, images: Tensor, wanted: Tensor, form: str) -> str:
    state = {name: tensor.contiguous() for name, tensor in module.module.state_dict().items()}
    suffix = ".safetensors" if form == "safetensors" else ".pth"
    checkpoint, taken = spec.with_name(f"theirs{suffix}"), spec.with_name("ours.safetensors")
    if form == "safetensors":
        save_file({name: tensor.clone() for name, tensor in state.items()}, checkpoint)
    else:
        torch.save(dict(sorted(state.items())) if form == "sorted .pth" else state, checkpoint)
    quiet = io.StringIO()
    with contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        status = command(["weights", "import", str(spec), str(checkpoint), "-o", str(taken)])
    if status != 0:
        return REFUSED
    ours = build(str(spec)).eval()
    ours.load_state_dict(load_file(taken))
    with torch.inference_mode():
        difference = (_first(ours(images)) - wanted).abs().max()
    return EQUAL if difference <= BOUND * wanted.abs().max() else OTHER


def _first(outputs: object) -> Tensor:
    first = outputs[0] if isinstance(outputs, tuple | list) else outputs
    assert isinstance(first, Tensor)
    return first


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or TARGETS))
