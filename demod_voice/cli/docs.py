"""Make docs/cli.md from the parsers, docs/config.md from the settings: ``python -m demod_voice.cli.docs [--check]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from demod_voice.cli.app import Parser, root_parser
from demod_voice.cli.groups import ALIASES, DEFAULT_COMMANDS, EXAMPLES, GLOBAL_FLAGS, GROUPS, PROGRAM

DOCS = Path(__file__).resolve().parents[2] / "docs"
_HEAD = f"""\
# The command line

<!-- Made by `python -m demod_voice.cli.docs` from the parsers in demod_voice/cli; change them there. -->

`{PROGRAM} [options] COMMAND ...`. Results go to stdout; progress, notes and errors go to stderr. `{PROGRAM} COMMAND
--help` says the same as this page.
"""
_FACES = """\
`NO_COLOR` turns bold headings off. `--json` prints the result as one JSON value on stdout; an error is then one line on
stderr: `{"error": {"kind", "message", "hint", "exit_code"}}`, with `faults` (`line`, `message`, `hint`) when a file has
several. `--progress json` writes one event a line to stderr: `{"step", "done", "total", "eta_s"}` (null where unknown),
and `{"note"}`.

Without `--log-file`, the traceback of an unexpected error is kept in `$XDG_STATE_HOME/demod-voice/errors.log`.
"""
EXIT_CODES = (
    (0, "done"),
    (1, "unexpected error: a defect of this program"),
    (2, "wrong flag, setting, script or path; nothing was started"),
    (3, "a sound file that cannot be read or written"),
    (4, "an engine could not do its work, or is not installed"),
    (5, "a training run failed"),
    (6, "finished, but below the quality that was asked for"),
    (7, "an output that cannot be written"),
    (130, "interrupted (Ctrl-C); run the same command again: finished work is kept"),
    (143, "ended by SIGTERM"),
)


def cli_reference() -> str:
    """The whole text of docs/cli.md."""
    root = root_parser()
    parsers = root.subparsers()
    parts = [_HEAD, _global_options(), _FACES, _exit_codes(), _examples(), _aliases()]
    for name in GROUPS:
        parts += [_command(parser, depth) for parser, depth in _tree(parsers[name], 2)]
    return "\n".join(parts)


def references() -> dict[Path, str]:
    """Path -> text of every generated page."""
    from demod_voice.api.config import config_reference

    return {DOCS / "cli.md": cli_reference(), DOCS / "config.md": config_reference()}


def main(argv: list[str] | None = None) -> int:
    """Write the pages, or with ``--check`` say which of them are out of date (exit code 1)."""
    parser = argparse.ArgumentParser(prog="python -m demod_voice.cli.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is out of date")
    check = parser.parse_args(argv).check
    stale = [path for path, text in references().items() if not path.is_file() or path.read_text() != text]
    for path in stale:
        sys.stdout.write(f"{path}: {'out of date' if check else 'written'}\n")
        if not check:
            path.write_text(references()[path])
    return 1 if check and stale else 0


def _tree(parser: Parser, depth: int) -> Iterator[tuple[Parser, int]]:
    """A group and its commands, each once, with the depth of its heading."""
    yield parser, depth
    seen: list[Parser] = []
    for below in parser.subparsers().values():
        if below not in seen:
            seen.append(below)
            yield from _tree(below, depth + 1)


def _command(parser: Parser, depth: int) -> str:
    parser.prepare()
    lines = [f"{'#' * depth} {parser.prog.removeprefix(f'{PROGRAM} ')}", ""]
    lines += [*_description(parser), "", "```", parser.short_usage, "```", ""]
    rows = [_row(action) for action in _own_actions(parser)]
    if rows:
        lines += ["| argument | what it does |", "|---|---|", *rows, ""]
    if parser.epilog:
        lines += ["```", *(line.strip() for line in parser.epilog.splitlines()[1:]), "```", ""]
    return "\n".join(lines)


def _description(parser: Parser) -> list[str]:
    """The first paragraph as prose, the others as they are laid out."""
    first, *rest = (parser.description or "").strip().split("\n\n")
    lines = [first if first.endswith(".") else f"{first}."]
    for each in rest:
        lines += ["", "```", each, "```"]
    return lines


def _own_actions(parser: Parser) -> list[argparse.Action]:
    """What this command alone takes."""
    shared = {name for names, _, _ in GLOBAL_FLAGS for name in names} | {"--help", "--version"}
    return [
        each
        for each in parser._actions
        if not shared.intersection(each.option_strings)
        and not isinstance(each, argparse._SubParsersAction)
        and each.help != argparse.SUPPRESS
    ]


def _row(action: argparse.Action) -> str:
    value = _value_name(action)
    flags = ", ".join(action.option_strings)
    spelling = f"{flags} {value}".strip()
    text = action.help or ""
    if "%" in text:
        text = text % {**vars(action), "prog": PROGRAM}
    needed = " (required)" if action.option_strings and action.required else ""
    return f"| `{_cell(spelling)}` | {_cell(text)}{needed} |"


def _value_name(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    name = action.metavar or ("|".join(map(str, action.choices)) if action.choices else None)
    if name is None:
        name = action.dest.upper() if action.option_strings else action.dest
    if isinstance(name, tuple):
        name = " ".join(name)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} ..."}.get(str(action.nargs), name)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _global_options() -> str:
    lines = ["## Options of every command", "", "They may stand before or after the command.", ""]
    lines += ["| option | what it does |", "|---|---|"]
    for names, value, text in GLOBAL_FLAGS:
        lines.append(f"| `{_cell(', '.join(names) + (f' {value}' if value else ''))}` | {_cell(text)} |")
    lines += ["| `-h, --help` | Show the help of the command |", "| `--version` | Show the version |", ""]
    return "\n".join(lines)


def _exit_codes() -> str:
    lines = ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    return "\n".join([*lines, *(f"| {code} | {text} |" for code, text in EXIT_CODES), ""])


def _examples() -> str:
    return "\n".join(["## Examples", "", "```", *(f"{line}" for _, line in EXAMPLES), "```", ""])


def _aliases() -> str:
    lines = ["## Older names", "", "| name | stands for |", "|---|---|"]
    older = {name: " ".join(words) for name, words in ALIASES.items()}
    older |= {f"{group} FILE": f"{group} {command} FILE" for group, command in DEFAULT_COMMANDS.items()}
    return "\n".join([*lines, *(f"| `{name}` | `{meant}` |" for name, meant in older.items()), ""])


if __name__ == "__main__":
    sys.exit(main())
