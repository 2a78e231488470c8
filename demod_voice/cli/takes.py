"""``episode takes``: list the takes of an episode, redo, choose, lock and unlock them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from demod_voice.cli.app import App, Parser, command
from demod_voice.cli.called import as_called

ACTIONS = ("list", "redo", "choose", "lock", "unlock")


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command in the group ``episode``."""
    takes = command(
        commands,
        "takes",
        "List the takes of an episode; redo, choose or lock one",
        run_takes,
        examples=[
            "demod-voice episode takes show.mp3",
            "demod-voice episode takes show.mp3 redo 12",
            "demod-voice episode takes show.mp3 choose 12 2",
            "demod-voice episode takes show.mp3 lock 12",
        ],
        description=(
            "list: every line with its takes. redo LINE: speak another take with another seed; it lies beside the old "
            "one until it is chosen. choose LINE TAKE: use this one. lock LINE: keep the take that is used now through "
            "every render; only other words or another speaker end it. unlock LINE: end that."
        ),
    )
    takes.add_argument("output", metavar="OUTPUT", help="the episode's audio file")
    takes.add_argument("action", metavar="ACTION", nargs="?", default="list", choices=ACTIONS, help=", ".join(ACTIONS))
    takes.add_argument("line", metavar="LINE", nargs="?", help="its number in the script, or the beginning of its id")
    takes.add_argument("take", metavar="TAKE", nargs="?", help="its number in the list, or the beginning of its key")
    takes.add_argument("--seed", metavar="N", type=int, help="seed for redo (default: a new one each time)")
    takes.add_argument("--choose", action="store_true", help="redo: choose the new take at once")
    takes.add_argument("--lock", action="store_true", help="choose: lock it too")
    takes.add_argument("--script", metavar="FILE", help="the script (default: the one that the last render read)")


def run_takes(args: argparse.Namespace, app: App) -> None:
    """Do what ACTION says."""
    from demod_voice.api.errors import UsageError

    needed = {"list": 0, "choose": 2}.get(args.action, 1)
    given = [each for each in (args.line, args.take) if each is not None]
    if len(given) != needed:
        words = {0: "takes no LINE and no TAKE", 1: "takes one LINE", 2: "takes LINE and TAKE"}[needed]
        raise UsageError(f"episode takes OUTPUT {args.action} {words}, not: {' '.join(given) or 'nothing'}")
    does: dict[str, Callable[[argparse.Namespace, App], None]] = {
        "list": _list,
        "redo": _redo,
        "choose": _choose,
        "lock": _lock,
        "unlock": _unlock,
    }
    does[args.action](args, app)


def _list(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.takes import TAKE_HEADS, describe_takes, list_takes, take_rows
    from demod_voice.cli.output import table

    found = list_takes(args.output, **_common(args, app))
    app.emit(found, "\n".join([table(take_rows(found.lines), TAKE_HEADS), *describe_takes(found)]))


def _redo(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.takes import choose_take, redo_take

    line, take = redo_take(args.output, args.line, seed=args.seed, **_common(args, app))
    if args.choose:
        line, take = choose_take(args.output, line.id, take.key, **_common(args, app))
        then = "the next render uses it"
    else:
        then = as_called(f"to use it: demod-voice episode takes {args.output} choose {args.line} {take.number}")
    flaw = f", {take.quality}" if take.quality else ""
    app.emit({"line": line, "take": take}, f"{take.path}  take {take.number}, {take.length_s:.2f} s{flaw}\n{then}")


def _choose(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.takes import choose_take

    line, take = choose_take(args.output, args.line, args.take, lock=args.lock, **_common(args, app))
    app.emit({"line": line, "take": take}, f"line {line.line}: take {take.number} is {take.use}")


def _lock(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.takes import lock_take

    line, take = lock_take(args.output, args.line, **_common(args, app))
    app.emit({"line": line, "take": take}, f"line {line.line}: take {take.number} is locked")


def _unlock(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.takes import unlock_take

    unlock_take(args.output, args.line, **_common(args, app))
    app.emit({"unlocked": args.line}, f"line {args.line}: unlocked")


def _common(args: argparse.Namespace, app: App) -> dict[str, Any]:
    return {"script": args.script, "settings": app.settings, "progress": app.progress}
