"""``demod-voice speaker``: whose voice is it? Embed, compare, verify, identify, and calibrate what is near enough."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, add_setting_flag, command

if TYPE_CHECKING:
    from demod_voice.api.speakers import Comparison

NEEDS = "It needs engine ecapa: demod-voice engines install ecapa, and its model."


def register(parser: Parser) -> None:
    """Declare ``speaker embed|compare|verify|identify|calibrate``."""
    commands = parser.add_subparsers()
    embed = command(
        commands,
        "embed",
        "A vector for the voice of each file",
        _embed,
        ["demod-voice speaker embed talks/*.wav -o vectors.npz", "demod-voice speaker embed anna.mp3 --json"],
        description="A vector of length 1 for the voice of each file: its first minute and a half, in pieces of some "
        f"seconds. Vectors of two models can never be compared. {NEEDS}",
    )
    embed.add_argument("files", metavar="FILE", nargs="+", help="sound or video files, or patterns")
    embed.add_argument("-o", "--output", metavar="FILE", help=".npz (vectors, files, about) or .json to write")
    _add_common(embed)
    _add_pairs(commands)
    _add_identify(commands)
    _add_calibrate(commands)


def _add_pairs(commands: Any) -> None:
    compare = command(
        commands,
        "compare",
        "How near the voices of two files are",
        _compare,
        ["demod-voice speaker compare anna.wav unknown.mp3"],
        description="The cosine of two voices, and whether that is one speaker: unknown where nobody has measured the "
        f"model's threshold. {NEEDS}",
    )
    verify = command(
        commands,
        "verify",
        "Check that one speaker speaks in two files; the exit code says",
        _verify,
        ["demod-voice speaker verify anna.wav unknown.mp3 --threshold 0.3"],
        description="Exit code 0: one speaker; 6: two; 2: nobody knows the model's threshold; 3: a file holds no "
        f"voice. {NEEDS}",
    )
    for parser in (compare, verify):
        parser.add_argument("first", metavar="A", help="a sound file")
        parser.add_argument("second", metavar="B", help="another")
        _add_threshold(parser)
        _add_common(parser)


def _add_identify(commands: Any) -> None:
    identify = command(
        commands,
        "identify",
        "Which of some speakers speaks in a file",
        _identify,
        [
            "demod-voice speaker identify unknown.wav --among speakers/",
            "demod-voice speaker identify unknown.wav --among voices",
        ],
        description="Nobody, when the nearest is not near enough, or not clearly nearer than the next: unknown is an "
        f"answer. {NEEDS}",
    )
    identify.add_argument("file", metavar="FILE", help="a sound file")
    identify.add_argument(
        "--among",
        metavar="DIR|voices",
        required=True,
        help="folder with a file, or a folder of files, for each speaker; voices = saved voices made from clips",
    )
    _add_threshold(identify)
    _add_common(identify)


def _add_calibrate(commands: Any) -> None:
    calibrate = command(
        commands,
        "calibrate",
        "Measure from which cosine two files are one speaker's",
        _calibrate,
        [
            "demod-voice speaker calibrate trials.csv",
            "demod-voice speaker calibrate trials.csv --far 0.001 -o cal.json",
        ],
        description="Trials are rows label,file,file (1: one speaker, 0: two), files named from the list's folder; "
        "VoxCeleb's lists are read too. The equal error rate is told, and the threshold for a false-accept rate is kept, "
        "bound to the model's content. Trials that are too few to show that rate end with 6, and only -o keeps what they "
        f"give. {NEEDS}",
    )
    calibrate.add_argument("trials", metavar="TRIALS", help="the list")
    calibrate.add_argument(
        "-o", "--output", metavar="JSON", help="file to write (default: where later commands and datasets find it)"
    )
    calibrate.add_argument(
        "--far", metavar="RATE", type=float, default=0.01, help="false-accept rate that is allowed (default: 0.01)"
    )
    _add_common(calibrate)


def _add_threshold(parser: Parser) -> None:
    parser.add_argument("--threshold", metavar="COSINE", type=float, help="default: as calibrated, or as published")
    add_setting_flag(parser, "--calibration", key="speakers.calibration", metavar="JSON", help="a calibration to use")


def _add_common(parser: Parser) -> None:
    parser.add_argument("--engine", metavar="NAME", default="ecapa", help="engine that embeds (default: ecapa)")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")
    add_setting_flag(parser, "--jobs", key="jobs", metavar="N", help="workers at once (default: one per processor)")


def _embed(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.speakers import embed_speakers, require_voices

    found = embed_speakers(args.files, args.output, engine=args.engine, settings=app.settings, progress=app.progress)
    rows = [
        f"{each.file}: {f'{len(each.vector)} numbers from {each.heard_s:.1f} s' if each.vector else each.reason}"
        for each in found.files
    ]
    app.emit(found, "\n".join([*rows, f"model {found.model} ({found.revision})"]))
    require_voices(found)


def _compare(args: argparse.Namespace, app: App) -> None:
    found = _compared(args, app)
    app.emit(found, _told(found))


def _verify(args: argparse.Namespace, app: App) -> int:
    from demod_voice.api.errors import MediaError, QualityError, UsageError

    found = _compared(args, app)
    if found.same is None and found.cosine is None:
        raise MediaError(f"nobody can tell: {found.reason}", "give files in which somebody speaks for 1 s or more")
    if found.same is None:
        raise UsageError(f"nobody can tell: {found.reason}", "measure it: demod-voice speaker calibrate TRIALS")
    app.emit(found, _told(found))
    return 0 if found.same else QualityError.exit_code


def _compared(args: argparse.Namespace, app: App) -> Comparison:
    from demod_voice.api.speakers import compare_speakers

    return compare_speakers(
        args.first,
        args.second,
        threshold=args.threshold,
        engine=args.engine,
        settings=app.settings,
        progress=app.progress,
    )


def _told(found: Comparison) -> str:
    verdict = {True: "one speaker", False: "two speakers", None: f"unknown: {found.reason}"}[found.same]
    if found.cosine is None:
        return verdict
    limit = "" if found.threshold is None else f" (threshold {found.threshold:.3f})"
    return f"{verdict}; cosine {found.cosine:.3f}{limit}, model {found.model}"


def _identify(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.speakers import identify_speaker

    found = identify_speaker(
        args.file,
        args.among,
        threshold=args.threshold,
        engine=args.engine,
        settings=app.settings,
        progress=app.progress,
    )
    rows = [f"  {score:6.3f}  {name}" for name, score in found.scores]
    app.emit(found, "\n".join([f"{found.file}: {found.speaker or f'unknown: {found.reason}'}", *rows]))


def _calibrate(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.speakers import calibrate_speakers, require_kept

    found = calibrate_speakers(
        args.trials,
        args.output,
        false_accept_rate=args.far,
        engine=args.engine,
        settings=app.settings,
        progress=app.progress,
    )
    for note in found.notes if found.path else found.notes[:-1]:
        app.note(note)
    rates = found.calibration.rates
    told = f"one speaker from a cosine of {rates.threshold:.4f} up, model {found.calibration.model}"
    measured = (
        f"false accepts {rates.false_accept_rate:.2%} of {rates.different}, misses {rates.miss_rate:.2%} of {rates.same}, "
        f"equal error rate {rates.equal_error_rate:.2%}"
    )
    app.emit(found, f"{found.path or 'not kept'}: {told}\n  {measured}")
    require_kept(found)
