"""``episode preview``: hear one line, some lines or a chapter before the whole show is made."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, command
from demod_voice.cli.mixing import add_mix_flags, add_source_flags, add_speaking_flags, wishes_of


def register(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command in the group ``episode``."""
    preview = command(
        commands,
        "preview",
        "Hear one line, some lines or a chapter, in seconds",
        run_preview,
        examples=[
            "demod-voice episode preview script.md --line 12",
            "demod-voice episode preview script.md --lines 12-20 -o try.wav",
            'demod-voice episode preview script.md --chapter "The arrival" --for show.mp3',
        ],
        description=(
            "Speak, mix and master only a stretch of a script, as the whole show would be, but for music, intro and "
            "outro. What is spoken here is not spoken again by the render."
        ),
    )
    preview.add_argument("script", metavar="SCRIPT", help="Markdown, JSON or YAML script")
    part = preview.add_mutually_exclusive_group(required=True)
    part.add_argument("--line", metavar="N", help="one line: its number in the script, or the beginning of its id")
    part.add_argument("--lines", metavar="N-M", help="what is said between two lines of the script")
    part.add_argument("--chapter", metavar="T", help="a chapter: its title, a part of it, or its number")
    preview.add_argument("-o", "--output", metavar="FILE", help="a WAV (default: SCRIPT.preview.wav)")
    preview.add_argument("--for", dest="episode", metavar="FILE", help="the episode whose takes are used and kept with")
    add_source_flags(preview)
    add_mix_flags(preview, timing=False)
    add_speaking_flags(preview)


def run_preview(args: argparse.Namespace, app: App) -> None:
    """Make the stretch and say where it is."""
    from demod_voice.api.preview import describe_preview, preview_episode

    report = preview_episode(
        args.script,
        args.output,
        line=args.line,
        lines=args.lines,
        chapter=args.chapter,
        episode=args.episode,
        settings=app.settings,
        progress=app.progress,
        **wishes_of(args),
    )
    app.close()
    app.emit(report, text=describe_preview(report))
