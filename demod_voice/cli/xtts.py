"""``demod-voice xtts``: speak with the voice of some recordings (zero-shot, stream), list a model's own speakers."""

from __future__ import annotations

import argparse
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, add_setting_flag, command
from demod_voice.cli.speak import text_of

if TYPE_CHECKING:
    from demod_voice.api.xtts import XttsVoice

ENDLESS = 0xFFFFFFFF
"""Length of a WAV that nobody knows yet."""
NUMBERS = (
    ("--temperature", float, "X", "greater is livelier and less stable"),
    ("--top-k", int, "N", "draw each token from the N likeliest"),
    ("--top-p", float, "X", "draw it from the likeliest whose probabilities add up to X"),
    ("--repetition-penalty", float, "X", "greater repeats less"),
    ("--num-beams", int, "N", "search with N beams; no sound before the end"),
    ("--length-penalty", float, "X", "with beams: greater is longer"),
    ("--gpt-cond-len", int, "S", "seconds of the recordings that are listened to"),
)


def register(parser: Parser) -> None:
    """Declare ``xtts zero-shot|stream|speakers``."""
    commands = parser.add_subparsers()
    _add_zero_shot(commands)
    _add_stream(commands)
    speakers = command(
        commands,
        "speakers",
        "List the speakers that the model brings",
        _speakers,
        ["demod-voice xtts speakers", "demod-voice xtts speakers --json"],
    )
    _add_model(speakers)


def _add_zero_shot(commands: Any) -> None:
    parser = command(
        commands,
        "zero-shot",
        "Say a text with the voice of some recordings",
        _zero_shot,
        [
            'demod-voice xtts zero-shot --reference me.wav --text "Hello there." --language en -o out.wav --consent self',
            "demod-voice xtts zero-shot --reference a.wav b.wav --file chapter.txt -o chapter.mp3 --consent statement.pdf",
        ],
        description="Say a text with the voice of some recordings, 6 to 12 s each, into a WAV, FLAC, MP3, M4A or Opus "
        "file. Takes that sound wrong are made again (engines.xtts.guards).",
    )
    _add_voice(parser)
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="audio file; its suffix is the format")


def _add_stream(commands: Any) -> None:
    parser = command(
        commands,
        "stream",
        "The same to stdout, while it is made",
        _stream,
        [
            'demod-voice xtts stream --reference me.wav --text "Hello." --consent self | aplay -f S16_LE -r 24000 -c 1',
            'demod-voice xtts stream --speaker "Ada" --text "Hello." --format wav | mpv -',
        ],
        description="Say a text to stdout as it is made: 16-bit samples, raw or with the header of an endless WAV.",
    )
    _add_voice(parser)
    parser.add_argument("--format", choices=("raw", "wav"), default="raw", help="raw samples (default) or wav")


def _add_voice(parser: Parser) -> None:
    parser.add_argument("--text", metavar="TEXT", help="what to say; - reads it from stdin")
    parser.add_argument("--file", metavar="FILE", help="read the text from FILE (UTF-8)")
    parser.add_argument(
        "--reference",
        metavar="FILE",
        type=Path,
        action="append",
        nargs="+",
        default=[],
        help="recordings of the voice; may be given again",
    )
    parser.add_argument("--speaker", metavar="NAME", default="", help="one of the model's own speakers instead")
    parser.add_argument(
        "--consent",
        metavar="WORD|FILE",
        default="",
        help="whose voice it is: self, public-domain, unknown, or a file: the speaker's statement",
    )
    parser.add_argument("--language", metavar="TAG", default="", help="BCP 47 tag (default: language in the settings)")
    parser.add_argument("--speed", metavar="X", type=float, default=1.0, help="ratio of the voice's own rate")
    for name, kind, metavar, text in NUMBERS:
        parser.add_argument(name, type=kind, metavar=metavar, help=f"{text} (default: the model's)")
    _add_model(parser)
    add_setting_flag(parser, "--seed", key="seed", metavar="N", help="seed of everything random")


def _add_model(parser: Parser) -> None:
    parser.add_argument("--model", metavar="DIR", default="", help="a model's folder, or its name in `models list`")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def _voice(args: argparse.Namespace) -> XttsVoice:
    from demod_voice.api.xtts import XttsVoice

    names = (name.removeprefix("--").replace("-", "_") for name, *_ in NUMBERS)
    return XttsVoice(
        references=tuple(path for group in args.reference for path in group),
        speaker=args.speaker,
        consent=args.consent,
        language=args.language,
        model=args.model,
        speed=args.speed,
        **{name: getattr(args, name) for name in names},
    )


def _zero_shot(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.xtts import xtts_zero_shot

    spoken = xtts_zero_shot(
        text_of(args, app, "--text"), args.output, _voice(args), settings=app.settings, progress=app.progress
    )
    for warning in spoken.warnings:
        app.note(warning)
    made = spoken.file
    for what in made.degraded:
        app.note(f"not honoured by xtts: {what}")
    told = f"{made.path}: {made.duration_s:.2f} s, {made.sample_rate} Hz, xtts/{made.voice}"
    app.emit(spoken, f"{told}; consent {spoken.consent}; model licence {spoken.licence}")


def _stream(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.errors import UsageError
    from demod_voice.api.speaking import pcm_s16le
    from demod_voice.api.xtts import stream_xtts

    if sys.stdout.isatty():
        raise UsageError(
            "sound is not written to a terminal", "pipe it: demod-voice xtts stream ... | aplay -f S16_LE -r 24000 -c 1"
        )
    out = sys.stdout.buffer
    told = False
    for clip in stream_xtts(text_of(args, app, "--text"), _voice(args), settings=app.settings, progress=app.progress):
        if not told:
            told = True
            app.note(f"signed 16-bit little-endian, {clip.sample_rate} Hz, {clip.num_channels} channel(s) on stdout")
            out.write(_header(clip.sample_rate, clip.num_channels) if args.format == "wav" else b"")
        out.write(pcm_s16le(clip))
        out.flush()


def _header(rate: int, channels: int) -> bytes:
    """The beginning of a 16-bit WAV of unknown length, as players of streams take it."""
    block = 2 * channels
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * block, block, 16)
    return struct.pack("<4sI4s", b"RIFF", ENDLESS, b"WAVE") + form + struct.pack("<4sI", b"data", ENDLESS)


def _speakers(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.xtts import xtts_speakers

    found = xtts_speakers(args.model, settings=app.settings, progress=app.progress)
    none = f"model {found.model} has no speakers of its own: give recordings with --reference"
    app.emit(found, "\n".join(found.speakers) or none)
