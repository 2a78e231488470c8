"""``demod-voice dataset``: build, add, rejudge."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, add_setting_flag, command

if TYPE_CHECKING:
    from demod_voice.api.datasets import BuildReport

TEXT = """Turn recordings into a clean, split, documented dataset.

Texts are taken from subtitles or transcripts beside a recording (talk.mp3, talk.srt, talk.en.vtt, talk.txt); what has
none is recognised. Recordings that cannot be used are named, and the rest goes on (exit code 6). Run the same command
again after a kill, a full disk or a change of thresholds: what is finished is not done again."""


def add_build_commands(commands: Any) -> None:
    """Declare the commands."""
    build = command(
        commands,
        "build",
        "Turn recordings into a dataset",
        _build,
        [
            "demod-voice dataset build talks/*.mp3 -o voice",
            "demod-voice dataset build interviews/ -o voice --channels left --speaker anna",
            "demod-voice dataset build talk.mp4 -o voice --subtitles subs/ --no-denoise",
            "demod-voice dataset build --in-dir raw --out-dir voice --config studio.yaml",
        ],
        description=TEXT,
    )
    build.add_argument(
        "recordings", nargs="*", metavar="RECORDING", help="files, folders, patterns or lists (.lst, .m3u)"
    )
    build.add_argument("--in-dir", metavar="DIR", action="append", default=[], help="a folder of recordings")
    build.add_argument("-o", "--output", "--out-dir", required=True, metavar="DATASET", help="the dataset's folder")
    build.add_argument("--name", default="", help="name of the dataset (default: its folder's)")
    _add_text_flags(build)
    _add_material_flags(build)
    _add_sound_flags(build)
    build.add_argument("--no-report", action="store_true", help="leave out the page report/index.html")
    more = command(
        commands,
        "add",
        "Add recordings; nothing that is there is redone",
        _add,
        ["demod-voice dataset add voice new-talk.mp3"],
        description="Add recordings to a dataset, with the settings that it was built with.",
    )
    more.add_argument("dataset", metavar="DATASET")
    more.add_argument("recordings", nargs="+", metavar="RECORDING", help="files, folders, patterns or lists")
    more.add_argument("--speaker", default="", help="who speaks in them (default: as the dataset was built)")
    _add_material_flags(more)
    more.add_argument("--no-report", action="store_true", help="leave out the page report/index.html")
    again = command(
        commands,
        "rejudge",
        "Apply new thresholds; no sound is read again",
        _rejudge,
        ["demod-voice dataset rejudge voice --set dataset.gates.snr_min_db=15"],
        description="Judge every segment anew by dataset.gates.*; what a person decided in a review stands.",
    )
    again.add_argument("dataset", metavar="DATASET")


def _add_text_flags(parser: Parser) -> None:
    parser.add_argument("--speaker", default="", metavar="NAME", help="who speaks, where nothing else says it")
    add_setting_flag(
        parser, "--language", key="language", metavar="TAG", help="language of the recordings (default: en)"
    )
    parser.add_argument("--no-text", action="store_true", help="segments without text: look for none, recognise none")
    parser.add_argument(
        "--transcriber",
        default="",
        metavar="ENGINE",
        help="engine that recognises (default: whisper, else pocketsphinx)",
    )


def _add_material_flags(parser: Parser) -> None:
    parser.add_argument(
        "--subtitles", metavar="DIR", help="folder of subtitles and transcripts (default: beside the recordings)"
    )
    parser.add_argument("--rttm", metavar="DIR", help="folder of diarizations (default: beside the recordings)")
    parser.add_argument(
        "--speaker-refs", metavar="DIR", help="clips of the target speaker: keep only segments of that voice"
    )


def _add_sound_flags(parser: Parser) -> None:
    add_setting_flag(
        parser,
        "--channels",
        key="dataset.channels",
        metavar="WHICH",
        help="of stereo: mix (default), left, right, split",
    )
    add_setting_flag(parser, "--no-hum", key="dataset.clean.hum", value="false", help="leave mains hum in")
    add_setting_flag(parser, "--no-denoise", key="dataset.clean.denoise_db", value="0", help="leave noise in")
    add_setting_flag(parser, "--declick", key="dataset.clean.declick", value="true", help="repair clicks")
    add_setting_flag(
        parser, "--jobs", key="jobs", metavar="N", help="recordings worked on at once (default: one per processor)"
    )


def _build(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.datasets import build_dataset

    report = build_dataset(
        [*args.in_dir, *args.recordings],
        args.output,
        settings=app.settings,
        name=args.name,
        speaker=args.speaker,
        text=not args.no_text,
        transcriber=args.transcriber,
        subtitles=args.subtitles,
        rttm=args.rttm,
        speaker_refs=args.speaker_refs,
        report=not args.no_report,
        progress=app.progress,
    )
    _tell(report, app)


def _add(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.datasets import add_recordings

    report = add_recordings(
        args.dataset,
        args.recordings,
        settings=app.settings,
        speaker=args.speaker,
        subtitles=args.subtitles,
        rttm=args.rttm,
        speaker_refs=args.speaker_refs,
        report=not args.no_report,
        progress=app.progress,
    )
    _tell(report, app)


def _tell(report: BuildReport, app: App) -> None:
    from demod_voice.api.datasets import build_lines, build_summary, require_all

    lines = [each for each in build_lines(report) if not (app.flags.quiet and each.startswith("note: "))]
    app.emit(build_summary(report), "\n".join(lines))
    require_all(report)


def _rejudge(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.datasets import rejudge_dataset

    done = rejudge_dataset(args.dataset, settings=app.settings, progress=app.progress)
    text = f"{done.kept} segments kept, {done.quarantined} in quarantine"
    app.emit(done, f"{text}\n{len(done.rejected)} went there, {len(done.accepted)} came out")
