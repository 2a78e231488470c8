"""``demod-voice separate``: a recording as its dialogue and its background."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, add_setting_flag, leaf

EXAMPLES = [
    "demod-voice separate interview.mp3 -o stems/",
    "demod-voice separate film.mkv -o stems/ --stems dialogue --shifts 2",
]


def register(parser: Parser) -> None:
    """Declare the command."""
    leaf(
        parser,
        _run,
        EXAMPLES,
        description="Write dialogue.wav and background.wav: 32-bit float at the file's own rate, which sum up to the "
        "recording. It needs engine demucs: demod-voice engines install demucs, and its model.",
    )
    parser.add_argument("file", metavar="FILE", help="a sound or video file")
    parser.add_argument("-o", "--output", metavar="DIR", required=True, help="folder of the stems; made when missing")
    parser.add_argument("--stems", nargs="+", metavar="STEM", default=[], help="dialogue, background (default: both)")
    parser.add_argument(
        "--shifts", metavar="N", type=int, default=0, help="passes that are averaged, 0 to 20 (default: 0)"
    )
    parser.add_argument("--engine", metavar="NAME", default="demucs", help="engine that separates (default: demucs)")
    parser.add_argument("--force", action="store_true", help="replace stems that exist")
    add_setting_flag(parser, "--seed", key="seed", metavar="N", help="seed of the shifts")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def _run(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.separating import SeparateOptions, separate_file

    options = SeparateOptions(tuple(args.stems), args.shifts, args.engine, args.force)
    found = separate_file(args.file, args.output, options, settings=app.settings, progress=app.progress)
    for what in found.result.degraded:
        app.note(f"{found.result.engine}: {what}")
    rows = [
        f"{each.path}: {each.levels.lufs:.1f} LUFS, peak {each.levels.true_peak_dbtp:.1f} dBTP"
        for each in found.result.stems
    ]
    about = (
        f"{found.result.duration_s:.1f} s, {found.result.sample_rate} Hz, {found.result.engine}/{found.result.model}"
    )
    app.emit(found, "\n".join([*rows, about]))
