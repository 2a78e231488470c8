"""``demod-voice lexicon``: check pronunciations, and see where they apply."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from demod_voice.cli.app import App, Parser, command

if TYPE_CHECKING:
    from demod_voice.api.lexicon import LexiconReport


def register(parser: Parser) -> None:
    """Declare ``lexicon check``."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    check = command(
        commands,
        "check",
        "Say everything that is wrong with a lexicon, and where it applies",
        _check,
        ["demod-voice lexicon check lexicon.yaml", "demod-voice lexicon check lexicon.yaml episode-1.md episode-2.md"],
        description=(
            "Read a lexicon and say every fault of it. With scripts, show each word that it says otherwise, and which "
            "entries no line has. Nothing is spoken."
        ),
    )
    check.add_argument("lexicon", metavar="LEXICON", help="YAML file of words and patterns (docs/pronunciation.md)")
    check.add_argument("scripts", metavar="SCRIPT", nargs="*", help="Markdown, JSON or YAML script")


def _check(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.lexicon import check_lexicon

    report = check_lexicon(args.lexicon, args.scripts, settings=app.settings)
    app.emit(report, "\n".join(_lines(report, bool(args.scripts))))


def _lines(report: LexiconReport, looked: bool) -> Iterator[str]:
    for hit in report.hits:
        yield f"{hit.script}:{hit.line}: {hit.speaker}: {hit.found} -> {hit.becomes}  ({hit.entry})"
    for entry in report.unused:
        yield f"never matched: {entry}"
    matches = f", {len(report.hits)} matches, {len(report.unused)} never matched" if looked else ", no faults"
    yield f"{report.entries} entries{matches}"
