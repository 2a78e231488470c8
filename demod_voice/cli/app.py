"""What the command groups share: ``App`` (settings, progress, output) and the helpers that declare commands.

A group is one module with ``register(parser)``::

    def register(parser: Parser) -> None:
        commands = parser.add_subparsers()
        show = command(commands, "show", "Show a thing", run_show, examples=["demod-voice things show it"])
        show.add_argument("name")
        add_setting_flag(show, "--seed", key="seed", metavar="N", help="...")

    def run_show(args: argparse.Namespace, app: App) -> None:
        thing = api.things.show(args.name, settings=app.settings)
        app.emit(asdict(thing), text=thing.title)

A group that is itself one command calls ``leaf(parser, run, ...)`` in place of ``command``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from demod_voice.cli.flags import GlobalFlags, add_setting_flag
from demod_voice.cli.groups import ALIASES, GROUPS, PROGRAM
from demod_voice.cli.parser import AliasParser, Parser, RootParser

if TYPE_CHECKING:
    from demod_voice.api.config import Loaded, Settings
    from demod_voice.cli.progress import Face

__all__ = ["GROUPS", "App", "Parser", "add_setting_flag", "command", "leaf", "root_parser"]

Run = Callable[[argparse.Namespace, "App"], "int | None"]


class App:
    """What a command gets besides its arguments. Settings and progress are made on first use."""

    def __init__(self, flags: GlobalFlags | None = None, overrides: Mapping[str, Any] | None = None) -> None:
        self.flags = GlobalFlags() if flags is None else flags
        self.overrides = dict(overrides or {})
        self._loaded: Loaded | None = None
        self._progress: Face | None = None

    @property
    def loaded(self) -> Loaded:
        """The settings with the origin of each value.

        Raises:
            UsageError: every fault of the file, the environment and the flags at once.
        """
        if self._loaded is None:
            from demod_voice.api.config import load, parse_assignments

            flags = {**parse_assignments(self.flags.set), **self.flags.settings, **self.overrides}
            self._loaded = load(flags, path=self.flags.config)
        return self._loaded

    @property
    def settings(self) -> Settings:
        """The settings that this command runs with."""
        return self.loaded.settings

    @property
    def progress(self) -> Face:
        """Where work reports to: bars, JSON lines or nothing (``--progress``)."""
        if self._progress is None:
            from demod_voice.cli.progress import make_face

            self._progress = make_face(self.flags.progress, self.flags.quiet, sys.stderr)
        return self._progress

    def emit(self, data: Any, text: str | None = None) -> None:
        """Print a result: ``data`` as JSON with ``--json``, else ``text`` (nothing when None).

        ``data`` may hold dataclasses, paths and mappings; see ``demod_voice.cli.output.plain``.

        Raises:
            OutputError: stdout cannot be written to.
        """
        if self.flags.json:
            from demod_voice.cli.output import to_json

            text = to_json(data)
        if text is not None:
            _print(text if text.endswith("\n") or not text else f"{text}\n")

    def emit_line(self, data: Any, text: str) -> None:
        """One of many results: ``data`` as one line of JSON with ``--json``, else ``text``.

        Raises:
            OutputError: stdout cannot be written to.
        """
        if self.flags.json:
            import json

            from demod_voice.cli.output import plain

            text = json.dumps(plain(data), ensure_ascii=False, allow_nan=False)
        _print(f"{text}\n")

    def note(self, message: str) -> None:
        """One line for a person, on stderr; nothing with ``--quiet``."""
        self.progress.note(message)

    def close(self) -> None:
        """End the progress display."""
        if self._progress is not None:
            self._progress.close()


def command(
    subparsers: argparse._SubParsersAction[Any],
    name: str,
    summary: str,
    run: Run,
    examples: Sequence[str] = (),
    *,
    description: str = "",
    aliases: Sequence[str] = (),
    settings_flags: Mapping[str, str] | None = None,
) -> Parser:
    """Declare a command of a group and return its parser.

    Args:
        subparsers: what ``parser.add_subparsers()`` gave.
        name: the verb.
        summary: one line, shown in the group's help.
        run: called with the arguments and the app; returns an exit code or None for 0.
        examples: whole command lines, shown in the command's help.
        description: more than the summary, for the command's own help.
        aliases: older spellings.
        settings_flags: argument name -> dotted settings key that it overrides (``add_setting_flag`` does it).
    """
    parser: Parser = subparsers.add_parser(name, help=summary, aliases=list(aliases))
    return leaf(parser, run, examples, description=description or f"{summary}.", settings_flags=settings_flags)


def leaf(
    parser: Parser,
    run: Run,
    examples: Sequence[str] = (),
    *,
    description: str = "",
    settings_flags: Mapping[str, str] | None = None,
) -> Parser:
    """Make ``parser`` a command that calls ``run``; the arguments are those of ``command``."""
    parser.description = description or parser.description
    if examples:
        parser.epilog = "\n".join(["examples:", *(f"  {line}" for line in examples)])
    declared = {**(parser.get_default("settings_flags") or {}), **(settings_flags or {})}
    parser.set_defaults(run=run, settings_flags=declared)
    return parser


def root_parser() -> RootParser:
    """The parser of the whole command line; a group's module is imported when the group is used."""
    root = RootParser(prog=PROGRAM, fill=None)
    groups = root.add_subparsers(dest="group")
    parsers: dict[str, Parser] = {}
    for name, (module, summary) in GROUPS.items():
        parsers[name] = groups.add_parser(name, help=summary, description=f"{summary}.", fill=_filler(name, module))
    for name, words in ALIASES.items():
        alias = AliasParser(prog=f"{PROGRAM} {name}", recorded=root.recorded)
        alias.stand_for(parsers[words[0]], words[1:])
        groups.choices[name] = alias
    return root


def _filler(name: str, module: str) -> Callable[[Parser], None]:
    def fill(parser: Parser) -> None:
        from importlib import import_module

        full = f"demod_voice.cli.{module}"
        try:
            found = import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
            from demod_voice.api.errors import UsageError

            raise UsageError(f"the command {name} is not part of this installation") from error
        found.register(parser)

    return fill


def _print(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        from demod_voice.api.errors import OutputError

        raise OutputError(f"cannot write to stdout: {error.strerror or error}") from error


def overrides_of(args: argparse.Namespace) -> dict[str, Any]:
    """Settings key -> value, for every flag of the command that overrides a setting and was given."""
    declared: Mapping[str, str] = getattr(args, "settings_flags", None) or {}
    return {key: value for dest, key in declared.items() if (value := getattr(args, dest, None)) is not None}
