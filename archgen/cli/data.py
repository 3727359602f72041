"""`archgen data`: the group of its commands."""

from __future__ import annotations

import click

from archgen.cli.group import DataGroup
from archgen.cli.options import common_options, example


@click.group(cls=DataGroup, epilog=example("archgen data check photos/"), no_args_is_help=True)
@common_options
def data() -> None:
    """Look at the images of a data set before training on them."""
