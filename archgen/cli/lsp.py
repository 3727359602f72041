"""`archgen lsp`: the language server with which an editor checks specs as they are typed."""

from __future__ import annotations

from importlib.util import find_spec

import click

from archgen.cli.exit_codes import FINDINGS, SOUND, UNUSABLE
from archgen.cli.options import common_options, example
from archgen.cli.terminal import note


@click.command(epilog=example("archgen lsp"))
@common_options
def lsp() -> int:
    """Talk to an editor over standard input and output, in the Language Server Protocol.

    An editor starts this by itself: docs/editor.md says how to tell VS Code, Neovim and Helix. It
    shows findings, shapes and help as you type, completes, formats, and mends what can be mended.
    """
    if find_spec("pygls") is None:
        note("error: the language server needs pygls: pip install 'archgen[editor]'")
        return UNUSABLE
    from archgen.cli.language_server import serve

    return SOUND if serve() else FINDINGS
