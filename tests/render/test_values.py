"""Values as a spec writes them, and as plain data."""

from __future__ import annotations

import pytest

from archgen.ir.shape import SAME, VALID, Grid, Padding, PaddingMode, Shape, Window
from archgen.ops.attached import Activation
from archgen.ops.norms import BatchNorm
from archgen.render.values import plain_shape, plain_value, spec_text

AMOUNTS = PaddingMode.AMOUNTS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (0.001, "0.001"),
        (1.0, "1"),
        (True, "true"),
        (None, "none"),
        ("hardswish", "hardswish"),
        (Window(3, 3), "3"),
        (Window(1, 7), "1x7"),
        (VALID, "valid"),
        (SAME, "same"),
        (Padding(PaddingMode.SAME_TF), "{same: tf}"),
        (Padding(AMOUNTS, (1, 1, 1, 1)), "1"),
        (Padding(AMOUNTS, (0, 1, 2, 3)), "[0, 1, 2, 3]"),
        (BatchNorm(1e-3), "{batch: {eps: 0.001, momentum: 0.1, affine: true}}"),
        (Activation("relu"), "relu"),
        (Activation("leaky_relu"), "{leaky_relu: {slope: 0.01}}"),
        (Activation("leaky_relu", 0.2), "{leaky_relu: {slope: 0.2}}"),
    ],
)
def test_a_value_reads_as_in_a_spec(value: object, text: str) -> None:
    assert spec_text(plain_value(value)) == text


def test_a_shape_is_a_list_of_numbers() -> None:
    assert plain_shape(Shape(3, Grid(4, 5))) == [3, 4, 5]
    assert plain_shape(Shape(10)) == [10]
    assert plain_shape(None) is None
