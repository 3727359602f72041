"""`archgen weights`: the group of its commands."""

from __future__ import annotations

import click

from archgen.cli.group import WeightsGroup
from archgen.cli.options import common_options, example


@click.group(
    cls=WeightsGroup,
    epilog=example(
        "archgen weights show model.safetensors",
        "archgen weights import inception_v4_tf inception_v4.pth -o model.safetensors",
        "archgen weights export inception_v4_tf model.safetensors --to timm -o inception_v4.pth",
    ),
    no_args_is_help=True,
)
@common_options
def weights() -> None:
    """Look at weights; take them from, or give them to, other code."""
