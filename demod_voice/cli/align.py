"""``demod-voice align``: when each word of a known text is said in a recording."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, add_setting_flag, leaf

EXAMPLES = [
    "demod-voice align chapter1.mp3 chapter1.txt -o chapter1.TextGrid",
    "demod-voice align talk.wav talk.txt -o talk.json --language de",
]


def register(parser: Parser) -> None:
    """Declare the command."""
    leaf(
        parser,
        _run,
        EXAMPLES,
        description="Find when each word of a text is said: .json, .srt, .vtt or .TextGrid (Praat). A word that nobody heard "
        "lies between its neighbours, and says so; where more than half are such, the exit code is 6. English is aligned by "
        "pocketsphinx, which is given the text beforehand; other languages by whisper.",
    )
    parser.add_argument("audio", metavar="AUDIO", help="a sound or video file")
    parser.add_argument("text", metavar="TEXT", help="a plain text file with what is said")
    parser.add_argument("-o", "--output", metavar="FILE", help="file to write (default: rows to stdout)")
    add_setting_flag(parser, "--language", key="language", metavar="TAG", help="of the speech (default: the settings')")
    parser.add_argument("--engine", metavar="NAME", default="", help="whisper or pocketsphinx")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")
    add_setting_flag(parser, "--jobs", key="jobs", metavar="N", help="workers at once (default: one per processor)")


def _run(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.episodes import counted
    from demod_voice.api.transcribing import align_file, require_heard

    found = align_file(
        args.audio,
        args.text,
        args.output,
        engine=args.engine,
        settings=app.settings,
        progress=app.progress,
    )
    alignment = found.alignment
    for what in alignment.degraded:
        app.note(what)
    if found.output is None:
        rows = [
            f"{w.start_s:.2f}\t{w.end_s:.2f}\t{w.text}{'' if w.aligned else ' (not heard)'}" for w in alignment.words
        ]
        app.emit(found, "\n".join(rows))
    else:
        sure, words = sum(each.aligned for each in alignment.words), counted(len(alignment.words), "word")
        made_by = "/".join(filter(None, (alignment.engine, alignment.model)))
        app.emit(found, f"{found.output}: {sure} of {words} heard, {made_by}")
    require_heard(found)
