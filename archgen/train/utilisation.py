"""How much of a GPU's arithmetic a run uses: model FLOPs utilisation (MFU).

What the network needs, over what the device could do in the same time: the multiply-adds of its
forward pass count twice as operations and three times for a step, since the backward pass computes two
products for each one forward. Activations that are computed again, auxiliary heads and everything that
is no convolution or linear layer count for nothing, so the figure errs on the low side.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

import torch

FLOPS_PER_MAC = 2
PASSES = 3  # one forward; backward, one for the gradients of inputs and one for those of weights


class Peak(NamedTuple):
    """Devices whose names match as a whole, and the operations a second that their maker states."""

    names: re.Pattern[str]
    flops: float
    source: str


def _peak(names: str, teraflops: float, source: str) -> Peak:
    return Peak(re.compile(rf"(?:NVIDIA |Tesla )?(?:{names})"), teraflops * 1e12, source)


# Dense products of 16-bit numbers with sums in float32, without sparsity, as data sheets state them.
PEAKS = (
    _peak(r"B200", 2250, "NVIDIA Blackwell data sheet: HGX B200, 18 PFLOPS dense over eight"),
    _peak(r"H200|GH200 \d+GB", 989.4, "NVIDIA H200 and GH200 data sheets, SXM"),
    _peak(r"H200 NVL", 835.5, "NVIDIA H200 data sheet, NVL"),
    _peak(r"H100( SXM5)?( 80GB)?( HBM3)?", 989.4, "NVIDIA H100 data sheet, SXM"),
    _peak(r"H100 NVL", 835.5, "NVIDIA H100 data sheet, NVL"),
    _peak(r"H100 PCIe", 756, "NVIDIA H100 data sheet, PCIe"),
    _peak(r"A100-(?:SXM4|PCIE)-\d+GB|A100 \d+GB PCIe", 312, "NVIDIA A100 data sheet"),
    _peak(r"A40", 149.7, "NVIDIA A40 data sheet"),
    _peak(r"A30", 165, "NVIDIA A30 data sheet"),
    _peak(r"A10", 125, "NVIDIA A10 data sheet"),
    _peak(r"L40S", 362, "NVIDIA L40S data sheet"),
    _peak(r"L40", 181, "NVIDIA L40 data sheet"),
    _peak(r"L4", 121, "NVIDIA L4 data sheet"),
    _peak(r"V100-SXM2-\d+GB", 125, "NVIDIA V100 data sheet, SXM2"),
    _peak(r"V100-PCIE-\d+GB", 112, "NVIDIA V100 data sheet, PCIe"),
    _peak(r"T4", 65, "NVIDIA T4 data sheet"),
    _peak(r"GeForce RTX 4090", 165.2, "NVIDIA Ada architecture white paper, sums in float32"),
    _peak(r"GeForce RTX 3090", 71, "NVIDIA GA102 architecture white paper, sums in float32"),
)


def peak_flops(device_name: str) -> float | None:
    """The operations a second that a device can do in 16-bit products; None for one not known here."""
    return next((peak.flops for peak in PEAKS if peak.names.fullmatch(device_name)), None)


@dataclass(frozen=True, slots=True)
class Utilisation:
    """What one image costs in training, and what all devices of a run can do in a second."""

    flops_per_image: float
    peak: float

    @classmethod
    def of(
        cls, macs: int | None, device: torch.device, dtype: torch.dtype, devices: int = 1
    ) -> Utilisation | None:
        """None where nobody knows: no GPU, one that is not in the table, or products in float32."""
        if macs is None or device.type != "cuda" or dtype == torch.float32:
            return None
        peak = peak_flops(torch.cuda.get_device_name(device))
        return None if peak is None else cls(macs * FLOPS_PER_MAC * PASSES, peak * devices)

    def share(self, images_per_second: float) -> float:
        """The MFU at that speed: 1 is all that the devices could do."""
        return self.flops_per_image * images_per_second / self.peak
