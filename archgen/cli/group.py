"""The table of commands; a command's module is imported when the command is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

import click

from archgen.cli.options import common_options, example


class Entry(NamedTuple):
    """One command: the module that defines it, under which name, and its line in the overview."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "check": Entry("check", "check", "Say what is wrong with specs, or that nothing is."),
    "fmt": Entry("fmt", "fmt", "Write specs, libraries and recipes in one normal form."),
    "summary": Entry("summary", "summary", "Show shapes, params and MACs of a network."),
    "show": Entry("show", "show", "Show a network step by step, with every setting."),
    "build": Entry("build", "build", "Write a network as a plain PyTorch module."),
    "render": Entry(
        "render", "render", "Draw a network, or one of its blocks, as the paper's figures do."
    ),
    "serve": Entry(
        "serve", "serve", "Show a network as a page that follows the spec as it is saved."
    ),
    "diff": Entry("diff", "diff", "Show what has become of the network A in B."),
    "git-setup": Entry(
        "git_setup", "git_setup", "Let git show specs of this repository as archgen does."
    ),
    "train": Entry("train", "train", "Train a network on images."),
    "eval": Entry("evaluate", "evaluate", "Measure a trained network on test images."),
    "report": Entry("run_report", "report", "Draw the error curves of runs on one page."),
    "data": Entry("data", "data", "Look at the images of a data set before training on them."),
    "profile": Entry(
        "profile", "profile", "Show where the time and the memory of a training step go."
    ),
    "schema": Entry(
        "schema",
        "schema",
        "Print the JSON Schema (draft-07) of specs, recipes and the other kinds of file.",
    ),
    "weights": Entry(
        "weights", "weights", "Look at weights; take them from, or give them to, other code."
    ),
    "export": Entry("export", "export", "Write a network with its weights for other programs."),
    "import": Entry(
        "import_module", "import_module", "Make a spec of an existing nn.Module, and prove it."
    ),
    "lsp": Entry(
        "lsp",
        "lsp",
        "Talk to an editor over standard input and output, in the Language Server Protocol.",
    ),
    "explain": Entry("explain", "explain", "Explain what a finding's code means."),
    "doctor": Entry(
        "doctor", "doctor", "Say what is installed of what archgen can use, and what is missing."
    ),
    "completion": Entry("completion", "completion", "Print what makes a shell complete commands."),
}
WEIGHTS_COMMANDS = {
    "show": Entry("weights_show", "show", "Show the tensors of a file and where they come from."),
    "import": Entry("weights_import", "import_", "Take the weights of another implementation."),
    "export": Entry("weights_export", "export", "Give weights to another implementation."),
}
DATA_COMMANDS = {
    "check": Entry("data_check", "check", "Count images, and say which cannot be used and why."),
}
# what git calls, as `archgen git-setup` tells it to
HIDDEN = {
    "git-textconv": Entry("git_views", "git_textconv", ""),
    "git-diff": Entry("git_views", "git_diff", ""),
    "git-difftool": Entry("git_views", "git_difftool", ""),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads one when it is asked for."""

    commands_of: Mapping[str, Entry] = COMMANDS
    unlisted: Mapping[str, Entry] = HIDDEN

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the work."""
        return list(self.commands_of)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, its module imported."""
        entry = self.commands_of.get(cmd_name) or self.unlisted.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(f"archgen.cli.{entry.module}"), entry.attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; a slip is told the nearest name."""
        names = self.commands_of
        is_known = bool(args) and (args[0] in names or args[0] in self.unlisted)
        if args and not is_known and not ctx.resilient_parsing:
            from archgen.diagnostics import did_you_mean

            near = did_you_mean(args[0], names)
            hint = f"did you mean `{near}`?" if near else f"there are {', '.join(names)}"
            ctx.fail(f"there is no command `{args[0]}`: {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The overview, without loading any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.commands_of.items()])


class WeightsGroup(LazyGroup):
    """The commands of `archgen weights`."""

    commands_of = WEIGHTS_COMMANDS
    unlisted: Mapping[str, Entry] = {}


def _print_version(ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        import archgen as package

        click.echo(f"archgen {package.__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=example("archgen check inception_v4", "archgen summary inception_v4"),
    no_args_is_help=True,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@common_options
def archgen() -> None:
    """A compiler for network architectures: YAML in, proved shapes, plain PyTorch out."""


class DataGroup(LazyGroup):
    """The commands of `archgen data`."""

    commands_of = DATA_COMMANDS
    unlisted: Mapping[str, Entry] = {}
