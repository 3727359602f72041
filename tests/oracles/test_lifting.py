"""Networks of torchvision and timm lifted: each spec is proved, and is the one that comes with archgen."""

from __future__ import annotations

import pytest

from archgen.cost import Costs
from archgen.diagnostics import Findings
from archgen.infer import infer
from archgen.ir.shaped import ShapedNetwork
from archgen.lift.lifting import Lifted, lift, noise
from archgen.lift.source import NoModule, original
from archgen.pipeline import check
from archgen.spec.files import SpecText
from tests.compiling import shipped

pytestmark = pytest.mark.oracle

# by hand, from its paper or its source: the same network
SHIPPED = {
    "torchvision:alexnet": "alexnet_torch",
    "torchvision:vgg16": "vgg_16",
    "torchvision:vgg19": "vgg_19",
    "torchvision:googlenet": "googlenet_torch",
    "torchvision:inception_v3": "inception_v3_torch",
    "torchvision:resnet18": "resnet_18",
    "torchvision:resnet50": "resnet_50",
    "torchvision:resnet101": "resnet_101",
    "torchvision:resnet152": "resnet_152",
    "torchvision:densenet121": "densenet_121",
    "torchvision:squeezenet1_1": "squeezenet",
    "torchvision:mobilenet_v2": "mobilenet_v2",
    "torchvision:mobilenet_v3_large": "mobilenet_v3",
    "torchvision:shufflenet_v2_x1_0": "shufflenet_v2",
    "torchvision:resnext50_32x4d": "resnext_50",
    "torchvision:wide_resnet50_2": "wide_resnet_50",
    "torchvision:efficientnet_b0": "efficientnet_b0",
    "torchvision:convnext_tiny": "convnext_tiny",
    "torchvision:regnet_y_400mf": "regnet_y_400mf",
    "timm:inception_v3": "inception_v3_torch",
    "timm:inception_v4": "inception_v4_tf",
    "timm:inception_resnet_v2": "inception_resnet_v2_tf",
    "timm:seresnet50": "se_resnet_50",
    "timm:legacy_xception": "xception",
    "timm:resnet50": "resnet_50",
}
# of ways to write networks that those above do not show
FURTHER = (
    *("timm:dla34", "timm:dpn68", "timm:hrnet_w18_small", "timm:repvgg_a0", "timm:vgg16"),
    *("timm:res2net50_26w_4s", "timm:selecsls42b", "timm:tf_efficientnet_b0"),
)
# channels last inside, where torch's gelu differs in the last digit
NEARLY = {"torchvision:convnext_tiny"}


def lifted(target: str) -> Lifted:
    found = original(target)
    return lift(found, noise(found))


def network_of(text: str) -> ShapedNetwork:
    compilation = check(SpecText("lifted", text))
    assert not compilation.diagnostics
    return compilation.sound_network()


@pytest.mark.parametrize("target", [*SHIPPED, *FURTHER])
def test_a_network_of_a_library_is_lifted_and_proved(target: str) -> None:
    found = lifted(target)
    assert found.proof is not None
    assert found.proof.is_exact or target in NEARLY
    assert found.proof.largest > 0
    network = network_of(found.text)
    cost = Costs().network(network).cost
    assert (cost.params, cost.macs) == (found.proof.params, found.proof.macs)
    if target in SHIPPED:
        assert _size(network, network) == _size(shipped(SHIPPED[target]).sound_network(), network)


def _size(network: ShapedNetwork, like: ShapedNetwork) -> tuple[int, int]:
    """Params and MACs of a network on the input of another."""
    shaped = infer(network.network._replace(input=like.network.input), Findings())
    assert shaped is not None
    cost = Costs().network(shaped).cost
    return cost.params, cost.macs


@pytest.mark.parametrize(
    ("target", "arguments"),
    [
        ("timm:resnet18", ("features_only=true",)),
        ("timm:mobilenetv3_small_050", ("features_only=true",)),
        ("torchvision:fcn_resnet50", ()),
        ("torchvision:lraspp_mobilenet_v3_large", ()),
    ],
)
def test_features_and_networks_with_backbones_are_lifted_without_a_download(
    target: str, arguments: tuple[str, ...]
) -> None:
    found = original(target, arguments)._replace(grid=(64, 64))
    proof = lift(found, noise(found)).proof
    assert proof is not None
    assert proof.is_exact
    assert not proof.untrained


def test_a_name_that_a_library_does_not_have_is_answered_with_the_nearest() -> None:
    for target in ("timm:resnet5O", "torchvision:resnet5O"):
        with pytest.raises(NoModule, match="did you mean `resnet50`"):
            original(target)


@pytest.mark.parametrize("name", ["hf-hub:some/model", "hf_hub:some/model", "local-dir:/tmp"])
def test_a_name_that_would_be_looked_for_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(NoModule, match=r"none of module\.py:Class|has no network|neither a file"):
        original(f"timm:{name}")


def test_what_the_library_refuses_is_one_line() -> None:
    with pytest.raises(NoModule, match="torchvision cannot make `resnet18` with depth=3"):
        original("torchvision:resnet18", ["depth=3"])
