"""``demod-voice transcribe``: what is said in a recording, as text, subtitles or word times."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, add_setting_flag, leaf

EXAMPLES = [
    "demod-voice transcribe talk.mp3",
    "demod-voice transcribe interview.mp4 -o interview.srt --language de",
    "demod-voice transcribe talk.wav -o talk.json --words",
]


def register(parser: Parser) -> None:
    """Declare the command."""
    leaf(
        parser,
        _run,
        EXAMPLES,
        description="Recognize what is said: to stdout, or as .txt, .srt, .vtt or .json (Podcasting 2.0). Recordings of hours "
        "are cut at their pauses and heard in parallel. Engine whisper where it is installed, else pocketsphinx for "
        "English, many of whose words are wrong.",
    )
    parser.add_argument("file", metavar="FILE", help="a sound or video file")
    parser.add_argument("-o", "--output", metavar="FILE", help="file to write; its suffix is the format")
    parser.add_argument("--language", metavar="TAG", default="", help="of the speech (default: found out)")
    parser.add_argument("--engine", metavar="NAME", default="", help="default: whisper, else pocketsphinx")
    parser.add_argument("--words", action="store_true", help="a cue for each word; in JSON, the words' times")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")
    add_setting_flag(parser, "--jobs", key="jobs", metavar="N", help="workers at once (default: one per processor)")


def _run(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.episodes import counted
    from demod_voice.api.transcribing import transcribe_file

    found = transcribe_file(
        args.file,
        args.output,
        language=args.language,
        engine=args.engine,
        words=args.words,
        settings=app.settings,
        progress=app.progress,
    )
    transcript = found.transcript
    for what in transcript.degraded:
        app.note(what)
    if found.output is None:
        rows = [f"{each.start_s:.2f}\t{each.end_s:.2f}\t{each.text}" for each in transcript.words]
        app.emit(found, "\n".join(rows) if args.words else transcript.text)
        return
    words, language = counted(len(transcript.words), "word"), transcript.language or "no language"
    about = f"{words} in {transcript.duration_s:.1f} s, {language}"
    made_by = "/".join(filter(None, (transcript.engine, transcript.model)))
    app.emit(found, f"{found.output}: {about}, {made_by}")
