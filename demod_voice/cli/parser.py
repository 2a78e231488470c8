"""``Parser``: argparse with what this program needs on top.

- A group's module is imported only when its parser is used (``fill``).
- The global flags are part of every parser, so they may stand before or after a command's name.
- A mistake raises ``UsageError`` with the nearest valid word; nothing here prints or exits, except ``--help``.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NoReturn

from demod_voice.cli.flags import Recorded, add_global_flags
from demod_voice.cli.groups import GROUPS, PROGRAM, root_help
from demod_voice.cli.style import use_bold

_ONE_LINE = 4096
"""Columns of a usage line before it is wrapped: never."""


class _Help(argparse.HelpFormatter):
    """A description of several lines stays as it is laid out; the list of commands has no head of its own."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "".join(indent + line for line in text.splitlines(keepends=True))
        return super()._fill_text(text, width, indent)

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        return text.partition("\n")[2] if isinstance(action, argparse._SubParsersAction) else text


class Parser(argparse.ArgumentParser):
    """A parser that fills itself on first use.

    Args:
        recorded: the list that all parsers of one command line put their global flags into.
        fill: adds the arguments; called once, when the parser is used.
    """

    def __init__(
        self, *, recorded: Recorded | None = None, fill: Callable[[Parser], None] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(formatter_class=_Help, allow_abbrev=False, **kwargs)
        self._positionals.title, self._optionals.title = "arguments", "options"
        self.recorded: Recorded = [] if recorded is None else recorded
        self._fill = fill
        self._ready = False
        self.short_usage = ""
        self.default_command = ""
        """The command that is meant where a file stands in the place of one: ``batch JOBS`` is ``batch run JOBS``."""

    def prepare(self) -> None:
        """Add this parser's arguments and the global flags, if that has not happened."""
        if self._ready:
            return
        self._ready = True
        if self._fill is not None:
            self._fill(self)
        self.short_usage = self._short_usage()
        self.usage = self.short_usage.replace("%", "%%")
        add_global_flags(self, self.recorded)

    def _short_usage(self) -> str:
        """The usage line without what every command takes: ``demod-voice config show [options] [key]``."""
        groups = [group for group in self._mutually_exclusive_groups if group.required]
        needed = [action for group in groups for action in group._group_actions]
        shown = [each for each in self._actions if each.required or not each.option_strings or each in needed]
        formatter = argparse.HelpFormatter(f"{self.prog} [options]", width=_ONE_LINE)
        formatter.add_usage(None, shown, groups, prefix="")
        return formatter.format_help().strip()

    def add_subparsers(  # type: ignore[override]  # argparse's has keywords that no command here gives
        self, **kwargs: Any
    ) -> argparse._SubParsersAction[Parser]:
        """As argparse's, for parsers that record into the same list; a command is always required."""
        kwargs = {"title": "commands", "metavar": "COMMAND", "required": True, "dest": "command", **kwargs}
        kwargs["parser_class"] = partial(Parser, recorded=self.recorded)
        return super().add_subparsers(**kwargs)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As argparse's, but an argument that is not known is an error here, where the nearest one is known."""
        self.prepare()
        given = self._with_command(list(args or []))
        self._refuse_unknown(self._unknown_flags(given))
        found, extras = super().parse_known_args(given, namespace)
        self._refuse_unknown(extras)
        return found, extras

    def format_help(self) -> str:
        """The help text, headings in bold on a terminal."""
        self.prepare()
        import sys

        text = super().format_help()
        return _bold_headings(text) if use_bold(sys.stdout) else text

    def error(self, message: str) -> NoReturn:
        """Raise ``UsageError`` in place of argparse's exit."""
        self._raise(message[:1].lower() + message[1:])

    def subparsers(self) -> dict[str, Parser]:
        """Name -> parser of each command below this one (aliases too)."""
        self.prepare()
        action = self._subparsers_action()
        return {} if action is None else dict(action.choices or {})

    def _subparsers_action(self) -> argparse.Action | None:
        return next((each for each in self._actions if isinstance(each, argparse._SubParsersAction)), None)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        what = "command" if isinstance(action, argparse._SubParsersAction) else "value"
        place = f" of {'/'.join(action.option_strings)}" if action.option_strings else ""
        near = self.meant(str(value)) or _nearest(str(value), choices)
        self._raise(f"unknown {what} {value!r}{place}", near or f"one of: {', '.join(choices)}")

    def meant(self, word: str) -> str | None:  # noqa: ARG002 (the root knows more)
        """What an unknown command was meant to be, where more is known of it than its spelling."""
        return None

    def _unknown_flags(self, given: Sequence[str]) -> list[str]:
        """Long flags that do not exist. Looked for first: a misspelled required flag would else read as missing."""
        if any(action.nargs == argparse.REMAINDER for action in self._actions):
            return []
        has_commands = self._subparsers_action() is not None
        unknown = []
        for word in given:
            if word == "--" or (has_commands and not word.startswith("-")):
                break
            if word.startswith("--") and " " not in word and word.split("=")[0] not in self._option_string_actions:
                unknown.append(word)
        return unknown

    def _with_command(self, given: list[str]) -> list[str]:
        """The words, with the default command before them where they begin with a file, or with a flag of it."""
        at = 0
        while self.default_command and at < len(given):
            action = self._option_string_actions.get(given[at].split("=")[0])
            if action is None:
                break
            at += 1 if action.nargs == 0 or "=" in given[at] else 2
        if not self.default_command or at >= len(given) or given[at] in self.subparsers():
            return given
        meant = given[at].startswith("-") or "." in given[at] or "/" in given[at]
        return [*given[:at], self.default_command, *given[at:]] if meant else given

    def _refuse_unknown(self, words: Sequence[str]) -> None:
        if not words:
            return
        flag = words[0].split("=")[0]
        if not flag.startswith("-"):
            self._raise(f"{words[0]!r} is one argument too many")
        self._raise(f"unknown option {flag}", _nearest(flag, self._option_string_actions))

    def _raise(self, message: str, hint: str | None = None) -> NoReturn:
        from demod_voice.api.errors import UsageError

        more = f"more: {self.prog} --help"
        raise UsageError(f"{self.prog}: {message}", f"{hint}; {more}" if hint else more)


class RootParser(Parser):
    """The parser of ``demod-voice`` itself; its help is the fixed text that needs no parser."""

    def meant(self, word: str) -> str | None:
        """A command of one of the groups, given without its group."""
        groups = [name for name, parser in self.subparsers().items() if name in GROUPS and word in parser.subparsers()]
        return f"did you mean {' or '.join(f'{self.prog} {name} {word}' for name in groups)}?" if groups else None

    def format_help(self) -> str:
        """The text of ``demod_voice.cli.groups.root_help``."""
        import sys

        return root_help(use_bold(sys.stdout))


class AliasParser(Parser):
    """An older spelling: hands everything to the command that it stands for."""

    def stand_for(self, target: Parser, words: Sequence[str]) -> None:
        """From now on, parse as ``target`` would parse ``words`` and the rest."""
        self._target, self._words = target, list(words)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse as the target does."""
        return self._target.parse_known_args([*self._words, *(args or [])], namespace)

    def prepare(self) -> None:
        """Nothing: the target prepares itself."""


def _nearest(word: str, choices: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.55)
    return f"did you mean {found[0]}?" if found else None


def _bold_headings(text: str) -> str:
    lines = text.split("\n")
    return "\n".join(f"\033[1m{line}\033[0m" if line.endswith(":") and line[:1].islower() else line for line in lines)


__all__ = ["PROGRAM", "AliasParser", "Parser", "RootParser"]
