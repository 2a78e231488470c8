"""``episode diff``: which lines the next render would speak again."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, add_setting_flag, command
from demod_voice.cli.mixing import add_lexicon_flag


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command in the group ``episode``."""
    diff = command(
        commands,
        "diff",
        "Show which lines a render would speak again",
        run_diff,
        examples=[
            "demod-voice episode diff show.mp3 script.md",
            "demod-voice episode diff old-script.md script.md --json",
        ],
        description=(
            "Compare a rendered episode (or a script) with a script, line by line: what would be spoken again, what is "
            "removed, moved, or only placed after another pause. Speaks nothing."
        ),
    )
    diff.add_argument("old", metavar="OLD", help="the episode's audio file or manifest, or a script")
    diff.add_argument("new", metavar="NEW", help="the script as it is now")
    add_lexicon_flag(diff)
    add_setting_flag(diff, "--seed", key="seed", metavar="N", help="seed of everything random")
    add_setting_flag(diff, "--language", key="language", metavar="TAG", help="language of a script that names none")


def run_diff(args: argparse.Namespace, app: App) -> None:
    """Print what differs, then the counts."""
    from demod_voice.api.diff import DIFF_HEADS, describe_diff, diff_episode, diff_rows
    from demod_voice.cli.output import table

    report = diff_episode(args.old, args.new, settings=app.settings)
    data = {
        "old": report.old,
        "new": report.new,
        "counts": report.counts,
        "seconds": report.seconds,
        "notes": report.notes,
        "lines": report.lines,
    }
    rows = table(diff_rows(report), DIFF_HEADS)
    app.emit(data, "\n".join([*([rows] if rows else []), *describe_diff(report)]))
