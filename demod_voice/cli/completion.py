"""``demod-voice completion``: the completion script of a shell, by shtab."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from demod_voice.cli.app import App, Parser, leaf, root_parser

SHELLS = ("bash", "zsh", "tcsh")
INSTALL = """\
Print the completion script of a shell.

install it for yourself:
  bash   mkdir -p ~/.local/share/bash-completion/completions
         demod-voice completion bash > ~/.local/share/bash-completion/completions/demod-voice
  zsh    mkdir -p ~/.zfunc && demod-voice completion zsh > ~/.zfunc/_demod-voice
         and in ~/.zshrc, before compinit:  fpath=(~/.zfunc $fpath)
  tcsh   demod-voice completion tcsh > ~/.demod-voice.tcsh
         and in ~/.tcshrc:  source ~/.demod-voice.tcsh
"""


def register(parser: Parser) -> None:
    """Make the group one command."""
    leaf(parser, run, ["demod-voice completion bash", "source <(demod-voice completion bash)"], description=INSTALL)
    parser.add_argument("shell", choices=SHELLS, help="bash, zsh or tcsh")


def run(args: argparse.Namespace, app: App) -> None:
    """Print the script."""
    app.emit({"shell": args.shell, "script": script(args.shell)}, script(args.shell))


def script(shell: str) -> str:
    """The completion script of every command and flag."""
    import shtab

    root = root_parser()
    for _ in walk(root):
        pass
    return str(shtab.complete(root, shell=shell))


def walk(parser: Parser) -> Iterator[Parser]:
    """``parser`` and every parser below it, each prepared; an alias is the same parser and comes once."""
    seen: set[int] = set()
    waiting = [parser]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting = [*each.subparsers().values(), *waiting]
