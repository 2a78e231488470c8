"""The flags that every command takes, and flags that override a setting."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from demod_voice.cli.groups import GLOBAL_FLAGS, SETTING_FLAGS

Recorded = list[tuple[str, Any]]
"""(flag, value) in the order of the command line; one list for all parsers of it, so that nothing is overwritten."""

PROGRESS_FACES = ("auto", "json", "off")


class _Record(argparse.Action):
    """Put (flag, value) into the shared list, not into the namespace, where a subparser's would hide the parent's."""

    recorded: Recorded

    def __call__(self, *given: Any, **_: Any) -> None:
        self.recorded.append((self.dest, given[2]))


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        from demod_voice import __version__

        sys.stdout.write(f"demod-voice {__version__}\n")
        parser.exit()


def add_global_flags(parser: argparse.ArgumentParser, recorded: Recorded) -> None:
    """Give ``parser`` the flags of ``GLOBAL_FLAGS`` and ``--version``."""
    group = parser.add_argument_group("global options")
    for names, value, text in GLOBAL_FLAGS:
        dest = names[-1].removeprefix("--").replace("-", "_")
        choices = PROGRESS_FACES if dest == "progress" else None
        action = group.add_argument(
            *names,
            action=_Record,
            dest=dest,
            nargs=None if value else 0,
            default=argparse.SUPPRESS,
            choices=choices,
            metavar=value,
            help=text,
        )
        action.recorded = recorded  # type: ignore[attr-defined]
    group.add_argument("--version", action=_Version, nargs=0, default=argparse.SUPPRESS, help="Show the version")


class GlobalFlags:
    """What the global flags of one command line said; of a flag given twice the later wins."""

    def __init__(self, recorded: Sequence[tuple[str, Any]] = ()) -> None:
        last = dict(recorded)
        self.verbose = sum(flag == "verbose" for flag, _ in recorded)
        self.quiet = "quiet" in last
        self.json = "json" in last
        self.progress: str = last.get("progress", "auto")
        self.log_file: str | None = last.get("log_file")
        self.config: str | None = last.get("config")
        self.set: list[str] = [value for flag, value in recorded if flag == "set"]
        self.settings: dict[str, str] = {key: last[flag] for flag, key in SETTING_FLAGS.items() if flag in last}
        """Settings key -> text, of the flags that override a setting."""


def add_setting_flag(
    parser: argparse.ArgumentParser,
    *names: str,
    key: str,
    metavar: str | None = None,
    help: str | None = None,
    value: str | None = None,
) -> None:
    """Add a flag that overrides the setting ``key`` for this run.

    The text is checked by the settings loader, with the same words as a value in the file; so no ``type`` here. A flag
    with a ``value`` takes none on the command line: it is a switch.
    """
    if value is None:
        action = parser.add_argument(*names, metavar=metavar, help=help)
    else:
        action = parser.add_argument(*names, action="store_const", const=value, help=help)
    found: dict[str, str] = dict(parser.get_default("settings_flags") or {})
    parser.set_defaults(settings_flags={**found, action.dest: key})
