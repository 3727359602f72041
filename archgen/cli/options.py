"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from archgen.cli.terminal import remember_colour

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


def common_options(command: Decorated) -> Decorated:
    """`--color` and `--debug`, which every command takes."""
    color = click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        expose_value=False,
        callback=lambda ctx, _, choice: remember_colour(ctx, choice),
        help="Colours: auto (on a terminal), always or never.",
    )
    debug = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        help="Show the traceback if archgen itself fails.",
    )
    return color(debug(command))


def format_option(*formats: str) -> Callable[[Decorated], Decorated]:
    """`--format`, the first of `formats` unless another is asked for; json is for programs."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print the result; json is for programs.",
    )


def device_option(command: Decorated) -> Decorated:
    """`--device`: where the network computes."""
    return click.option(
        "--device",
        metavar="DEVICE",
        default="auto",
        help="auto (the default: a GPU of CUDA if there is one), cpu, cuda, cuda:N or mps.",
    )(command)


def preparation_option(command: Decorated) -> Decorated:
    """`--preparation`: how stored images become what the network sees."""
    return click.option(
        "--preparation",
        metavar="FILE|NAME",
        help="How images become what the network sees: a file, plain, inception_tf or torchvision.",
    )(command)


def processes_options(command: Decorated) -> Decorated:
    """`--gpus` and `--processes`: how many processes share the work; `--restarts`."""
    gpus = click.option(
        "--gpus", type=click.IntRange(1, 64), metavar="N", help="Share the work among N GPUs."
    )
    processes = click.option(
        "--processes",
        type=click.IntRange(1, 64),
        metavar="N",
        help="Share the work among N processes on the CPU.",
    )
    return gpus(processes(command))


def follow_links_option(command: Decorated) -> Decorated:
    """`--follow-links`: whether links in a data set may lead out of it."""
    return click.option(
        "--follow-links",
        is_flag=True,
        default=None,
        help="Read what links in the data lead to outside of their folder, too.",
    )(command)


def part_option(command: Decorated) -> Decorated:
    """`--part`: which of the state dicts in a file."""
    return click.option(
        "--part",
        metavar="KEY",
        default="",
        help="Which state dict of a file that holds several, such as state_dict_ema; also what the "
        "names of the wanted tensors begin with, such as student.",
    )(command)


def example(*commands: str) -> str:
    """The examples that end a help page."""
    lines = "\n".join(f"  {command}" for command in commands)
    return f"\b\nExample:\n{lines}"


def spec_argument(command: Decorated) -> Decorated:
    """The one spec that a command is about."""
    return click.argument("spec", metavar="SPEC", shell_complete=complete_specs)(command)


def complete_specs(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a shell offers for a spec."""
    from archgen.cli.offers import specs

    return specs(incomplete)


def complete_blocks(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a shell offers for a block of the spec that the line names already."""
    from archgen.cli.offers import blocks

    # behind an option without its value, click has no names for the arguments yet
    arguments = [str(ctx.params.get("spec") or ""), *ctx.args]
    return blocks(next(filter(None, arguments), ""), incomplete)


def complete_codes(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a shell offers for a code."""
    from archgen.cli.offers import codes

    return codes(incomplete)
