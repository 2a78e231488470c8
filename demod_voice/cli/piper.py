"""``demod-voice piper``: say a text with a voice's model file (infer), make a folder for training (preprocess)."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from demod_voice.cli.app import App, Parser, add_setting_flag, command

EXAMPLES = [
    'demod-voice piper infer --model en_US-amy-medium.onnx --text "Hello there." -o hello.wav',
    "echo Hello | demod-voice piper infer --model amy.onnx - -o hello.wav --speaker 0 --length-scale 1.1",
    'demod-voice piper infer --model amy.onnx --text "This is [[ həlˈoʊ ]]." -o hello.wav --seed 7',
]
STDIN = "-"
RUNTIMES = ("onnxruntime", "tinygrad")
RATES = (16000, 22050, 24000, 44100, 48000)


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
    infer.add_argument("--runtime", metavar="R", choices=RUNTIMES, help="onnxruntime, or tinygrad (experimental, slow)")
    add_setting_flag(infer, "--seed", key="seed", metavar="N", help="seed of everything random")
    add_setting_flag(infer, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")

    _add_preprocess(commands)


def _add_preprocess(commands: Any) -> None:
    preprocess = command(
        commands,
        "preprocess",
        "Make a folder that Piper's training reads as it stands",
        _preprocess,
        [
            "demod-voice piper preprocess --in voice --out voice-piper --language en-us",
            "demod-voice piper preprocess --in LJSpeech-1.1 --out lj-piper --language en-us --sample-rate 16000",
        ],
        description="Make a folder for Piper's training: WAVs at the voice's rate, tables of texts and of phonemes, and "
        "config.json. What is finished is kept; a kill costs 64 clips at most. The phonemes are engine piper's own where "
        "it is installed, else espeak's.",
    )
    preprocess.add_argument(
        "--in", dest="source", metavar="FOLDER", required=True, help="a dataset, or an LJ Speech folder"
    )
    preprocess.add_argument("--out", metavar="FOLDER", required=True, help="folder to make, or to go on with")
    preprocess.add_argument(
        "--language", metavar="VOICE", default="en-us", help="a voice of espeak-ng (default: en-us)"
    )
    preprocess.add_argument("--name", metavar="NAME", default="", help="of the voice (default: the folder's)")
    preprocess.add_argument(
        "--split", action="append", metavar="SPLIT", help="train, val or test; may be given again (default: train)"
    )
    preprocess.add_argument("--speaker", action="append", metavar="NAME", help="only this one; may be given again")
    preprocess.add_argument(
        "--sample-rate", type=int, default=22050, choices=RATES, metavar="HZ", help="of the voice (default: 22050)"
    )
    preprocess.add_argument("--engine", choices=("piper", "espeak"), metavar="E", help="which tells the phonemes")


def _preprocess(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.piper_training import PreprocessOptions, preprocess_piper

    options = PreprocessOptions(args.language, args.sample_rate, args.name, args.engine or "")
    report = preprocess_piper(
        args.source,
        args.out,
        options,
        splits=tuple(args.split or ("train",)),
        speakers=tuple(args.speaker or ()),
        settings=app.settings,
        progress=app.progress,
    )
    for note in report.notes:
        app.note(note)
    if report.unknown:
        app.note(f"Piper has no number for: {' '.join(report.unknown)}")
    told = f"{report.clips} clips ({report.made} worked on), {report.duration_s:.1f} s, {report.sample_rate} Hz"
    app.emit(report, f"{report.path}: {told}, {report.language}, phonemes by {report.engine}")


def _run(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.piper import PiperOptions, infer_piper

    options = PiperOptions(
        speaker=args.speaker,
        length_scale=args.length_scale,
        noise_scale=args.noise_scale,
        noise_w=args.noise_w,
        sentence_silence_s=args.sentence_silence,
        volume_db=args.volume,
        runtime=args.runtime or "",
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
