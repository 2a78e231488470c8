"""``demod-voice piper infer``: a Piper voice's model file and a text to a WAV."""

from __future__ import annotations

import argparse
import sys

from demod_voice.cli.app import App, Parser, add_setting_flag, command

EXAMPLES = [
    'demod-voice piper infer --model en_US-amy-medium.onnx --text "Hello there." -o hello.wav',
    "echo Hello | demod-voice piper infer --model amy.onnx - -o hello.wav --speaker 0 --length-scale 1.1",
    'demod-voice piper infer --model amy.onnx --text "This is [[ həlˈoʊ ]]." -o hello.wav --seed 7',
]
STDIN = "-"


def register(parser: Parser) -> None:
    """Declare the group's commands."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    infer = command(
        commands,
        "infer",
        "Say a text with a Piper voice",
        _run,
        EXAMPLES,
        description="Say a text with a Piper voice straight from its .onnx file, into a 16-bit WAV.",
    )
    infer.add_argument("stdin", nargs="?", choices=[STDIN], metavar="-", help="read the text from stdin")
    infer.add_argument("--model", metavar="ONNX", required=True, help="the voice's .onnx, its .onnx.json beside it")
    infer.add_argument("--text", metavar="TEXT", help="what to say; [[ phonemes ]] are spoken as they stand")
    infer.add_argument("-o", "--output", metavar="WAV", required=True, help="WAV file to write")
    infer.add_argument("--speaker", metavar="S", default="", help="name or number of a speaker; 0 is one")
    infer.add_argument("--length-scale", metavar="X", type=float, help="greater is slower (default: the voice's own)")
    infer.add_argument("--noise-scale", metavar="X", type=float, help="variation of the sound")
    infer.add_argument("--noise-w", metavar="X", type=float, help="variation of the phonemes' lengths")
    infer.add_argument("--sentence-silence", metavar="S", type=float, default=0.0, help="seconds between sentences")
    infer.add_argument("--volume", metavar="DB", type=float, default=0.0, help="gain in dB")
    add_setting_flag(infer, "--seed", key="seed", metavar="N", help="seed of everything random")
    add_setting_flag(infer, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def _run(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.piper import PiperOptions, infer_piper

    options = PiperOptions(
        speaker=args.speaker,
        length_scale=args.length_scale,
        noise_scale=args.noise_scale,
        noise_w=args.noise_w,
        sentence_silence_s=args.sentence_silence,
        volume_db=args.volume,
    )
    spoken = infer_piper(_text(args), args.model, args.output, options, settings=app.settings, progress=app.progress)
    for what in spoken.degraded:
        app.note(f"not honoured by piper: {what}")
    app.emit(spoken, f"{spoken.path}: {spoken.duration_s:.2f} s, {spoken.sample_rate} Hz, piper/{spoken.model}")


def _text(args: argparse.Namespace) -> str:
    """The text from the one place that was named.

    Raises:
        UsageError: none or two were named, or stdin is not UTF-8.
    """
    from demod_voice.api.errors import UsageError
    from demod_voice.api.speaking import decode_text

    if (args.stdin is None) == (args.text is None):
        what = "neither --text nor - is given" if args.text is None else "both --text and - are given"
        raise UsageError(what, "give one: --text TEXT, or - to read stdin")
    return decode_text(sys.stdin.buffer.read(), "stdin") if args.text is None else str(args.text)
