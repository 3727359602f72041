"""`archgen completion`: the script that makes a shell complete commands, options, specs and codes."""

from __future__ import annotations

import click

from archgen.cli.exit_codes import SOUND
from archgen.cli.options import common_options
from archgen.cli.terminal import write

VARIABLE = "_ARCHGEN_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="\b\nExample:\n"
    "  archgen completion bash > ~/.local/share/bash-completion/completions/archgen\n"
    "  archgen completion zsh > ~/.zfunc/_archgen\n"
    "  archgen completion fish > ~/.config/fish/completions/archgen.fish"
)
@click.argument("shell", type=click.Choice(SHELLS))
@common_options
def completion(shell: str) -> int:
    """Print what makes a shell complete commands.

    Commands, options, names of specs, blocks and codes are offered on Tab. For one session:
    eval "$(archgen completion bash)", or archgen completion fish | source. To keep it, write it to
    where the shell looks, as below; for zsh a folder of its fpath.
    """
    from click.shell_completion import get_completion_class

    known = get_completion_class(shell)
    assert known is not None
    # no question to the shell about its version: it may not be installed here
    script = known.source_template % known(click.Group(), {}, "archgen", VARIABLE).source_vars()
    write(f"{script.strip()}\n")
    return SOUND
