"""``demod-voice speak``: a text to a file, or to stdout as raw samples while it is made."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, add_setting_flag, leaf

if TYPE_CHECKING:
    from demod_voice.api.speaking import Reading, VoiceChoice

EXAMPLES = [
    'demod-voice speak "Hello there." -o hello.wav',
    "demod-voice speak --file chapter.txt -o chapter.mp3 --voice en-us+f3 --speed 1.1",
    "echo Hello | demod-voice speak - -o - | aplay -f S16_LE -r 22050 -c 1",
    'demod-voice speak "Bonjour" --language fr -o bonjour.opus',
    "demod-voice speak \"Now <prosody rate='slow'>slowly</prosody>. [pause 1s] Done.\" --markup -o slow.wav",
]
STDIO = "-"


def register(parser: Parser) -> None:
    """Declare ``speak``."""
    leaf(parser, _run, EXAMPLES, description="Say a text: to a WAV, FLAC, MP3, M4A or Opus file, or raw to stdout.")
    add_text_source(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="audio file, its suffix is the format; - = raw PCM on stdout as it is made",
    )
    parser.add_argument(
        "--markup", action="store_true", help="obey the tags of a script's lines: <prosody>, <emphasis>, [pause 1s]"
    )
    parser.add_argument("--lexicon", metavar="FILE", help="pronunciations (docs/pronunciation.md)")
    add_voice_flags(parser)
    add_setting_flag(parser, "--seed", key="seed", metavar="N", help="seed of everything random")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def add_text_source(parser: Parser) -> None:
    """Where the text comes from."""
    parser.add_argument("text", nargs="?", metavar="TEXT", help="what to say; - reads it from stdin")
    parser.add_argument("--file", metavar="FILE", help="read the text from FILE (UTF-8)")


def add_voice_flags(parser: Parser) -> None:
    """The flags that say who speaks, and how."""
    add_speaker_flags(parser)
    parser.add_argument("--speed", metavar="X", type=float, default=1.0, help="ratio of the voice's own rate")
    parser.add_argument("--pitch", metavar="X", type=float, default=1.0, help="ratio of the voice's own pitch")
    parser.add_argument("--volume", metavar="DB", type=float, default=0.0, help="gain in dB")
    parser.add_argument(
        "--style", metavar="KEY=VALUE", action="append", default=[], help="a setting of the engine; may be given again"
    )


def add_speaker_flags(parser: Parser) -> None:
    """The flags that say who speaks."""
    parser.add_argument("--engine", metavar="NAME", default="", help="speech engine (default: engines.default)")
    parser.add_argument("--voice", metavar="NAME", default="", help="saved voice, model path, or a voice of the engine")
    parser.add_argument("--model", metavar="PATH", default="", help="model file, such as a Piper .onnx")
    parser.add_argument("--speaker", metavar="S", default="", help="speaker inside the model, by name or number")
    parser.add_argument("--language", metavar="TAG", default="", help="BCP 47 tag, such as en or pt-BR")


def voice_choice(args: argparse.Namespace) -> VoiceChoice:
    """The voice that the flags of ``add_voice_flags`` describe."""
    return replace(
        speaker_choice(args),
        speed=args.speed,
        pitch=args.pitch,
        volume_db=args.volume,
        style=parse_style(args.style),
    )


def speaker_choice(args: argparse.Namespace) -> VoiceChoice:
    """The voice that the flags of ``add_speaker_flags`` describe."""
    from demod_voice.api.speaking import VoiceChoice

    return VoiceChoice(args.engine, args.voice, args.model, args.speaker, args.language)


def parse_style(pairs: Sequence[str]) -> dict[str, Any]:
    """``KEY=VALUE`` pairs; a value that is JSON (a number, true, a list) is that, anything else is text.

    Raises:
        UsageError: a pair without ``=``, or a number that is not finite.
    """
    from demod_voice.api.errors import UsageError

    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--style {pair!r} is not KEY=VALUE", "example: --style noise_scale=0.5")
        try:
            found[key.strip()] = json.loads(value, parse_constant=_no_constant)
        except ValueError:
            found[key.strip()] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _run(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.errors import UsageError

    to_stdout = args.output == STDIO or args.output is None
    if to_stdout and sys.stdout.isatty():
        raise UsageError(
            "raw sound is not written to a terminal" if args.output else "no output was given",
            "give -o FILE.wav, or pipe it: demod-voice speak TEXT -o - | aplay -f S16_LE -r 22050 -c 1",
        )
    text = text_of(args, app)
    if to_stdout:
        _stream(text, args, app)
    else:
        _to_file(text, args, app)


def _to_file(text: str, args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.speaking import speak_to_file

    reading = _reading(args)
    spoken = speak_to_file(text, args.output, voice_choice(args), reading, settings=app.settings, progress=app.progress)
    for what in spoken.degraded:
        app.note(f"not honoured by {spoken.engine}: {what}")
    summary = f"{spoken.path}: {spoken.duration_s:.2f} s, {spoken.sample_rate} Hz, {spoken.engine}/{spoken.voice}"
    app.emit(spoken, summary)


def _stream(text: str, args: argparse.Namespace, app: App) -> None:
    """Write samples as they come; what they are is said on stderr before the first one."""
    from demod_voice.api.speaking import pcm_s16le, stream_speech

    out = sys.stdout.buffer
    told = False
    for clip in stream_speech(text, voice_choice(args), _reading(args), settings=app.settings, progress=app.progress):
        if not told:
            told = True
            rate, channels = clip.sample_rate, clip.num_channels
            app.note(f"raw PCM on stdout: signed 16-bit little-endian, {rate} Hz, {channels} channel(s)")
        out.write(pcm_s16le(clip))
        out.flush()


def _reading(args: argparse.Namespace) -> Reading:
    from demod_voice.api.speaking import Reading

    return Reading(args.markup, args.lexicon)


def text_of(args: argparse.Namespace, app: App, flag: str = "") -> str:
    """The text from the one place that was named.

    Args:
        args: with ``text`` and ``file``.
        app: the settings.
        flag: that gives the text, where it is no argument without a name.

    Raises:
        UsageError: none or two were named, or it cannot be read as UTF-8.
    """
    from demod_voice.api.errors import UsageError
    from demod_voice.api.speaking import decode_text, read_text

    if (args.text is None) == (args.file is None):
        name, how = flag or "TEXT", f"{flag} TEXT (- reads stdin)" if flag else "a text, - for stdin"
        what = f"neither {name} nor --file is given" if args.text is None else f"both {name} and --file are given"
        raise UsageError(what, f"give one: {how}, or --file FILE")
    if args.file is not None:
        return read_text(args.file, settings=app.settings)
    return decode_text(sys.stdin.buffer.read(), "stdin") if args.text == STDIO else str(args.text)
