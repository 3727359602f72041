from __future__ import annotations

import pytest
import torch

from archgen.train.utilisation import PEAKS, Utilisation, peak_flops

GPU = torch.device("cuda")


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA H100 80GB HBM3", 989.4),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H100 NVL", 835.5),
        ("NVIDIA H200", 989.4),
        ("NVIDIA GH200 480GB", 989.4),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA A100 80GB PCIe", 312),
        ("NVIDIA A10", 125),
        ("NVIDIA L4", 121),
        ("NVIDIA L40S", 362),
        ("Tesla V100-SXM2-16GB", 125),
        ("Tesla T4", 65),
        ("NVIDIA GeForce RTX 3090", 71),
    ],
)
def test_the_peak_of_a_known_device_is_its_makers(name: str, teraflops: float) -> None:
    assert peak_flops(name) == teraflops * 1e12


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
        "NVIDIA A10G",
        "NVIDIA GeForce RTX 3090 Ti",
        "NVIDIA GeForce RTX 4090 Laptop GPU",
        "NVIDIA H100 80GB HBM3 MIG 2g.20gb",
        "AMD Instinct MI300X",
        "",
    ],
)
def test_a_relative_of_a_known_device_is_unknown(name: str) -> None:
    assert peak_flops(name) is None


def test_every_peak_says_where_it_is_from() -> None:
    assert all(peak.source for peak in PEAKS)


def test_an_image_costs_six_operations_for_each_multiply_add(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100-SXM4-80GB")
    one = Utilisation.of(10**10, GPU, torch.bfloat16)
    assert one is not None
    assert one.share(1000) == pytest.approx(6e10 * 1000 / 312e12)
    four = Utilisation.of(10**10, GPU, torch.bfloat16, devices=4)
    assert four is not None
    assert four.share(4000) == pytest.approx(one.share(1000))


@pytest.mark.parametrize(
    ("macs", "device", "dtype"),
    [
        (None, GPU, torch.bfloat16),
        (10, torch.device("cpu"), torch.bfloat16),
        (10, GPU, torch.float32),
    ],
)
def test_what_nobody_knows_is_not_guessed(
    macs: int | None, device: torch.device, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    assert Utilisation.of(macs, device, dtype) is None


def test_an_unknown_gpu_has_no_utilisation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some GPU of tomorrow")
    assert Utilisation.of(10, GPU, torch.bfloat16) is None
