"""``demod-voice dataset``: check, stats, versions, diff, restore, export, merge, clean."""

from __future__ import annotations

import argparse
from typing import Any

from demod_voice.cli.app import App, add_setting_flag, command

DATASET = "folder of a dataset"
FORMATS = ("ljspeech", "piper", "audiofolder", "csm")
RATES = (0, 8000, 16000, 22050, 24000, 32000, 44100, 48000)
VERSION = "number, first digits of its hash, or latest"


def add_keeping_commands(commands: Any) -> None:
    """Declare the commands."""
    _add_looking(commands)
    _add_versions(commands)
    _add_export(commands)
    _add_merge_and_clean(commands)


def _add_looking(commands: Any) -> None:
    check = command(
        commands,
        "check",
        "Check every byte, every row, and that no split knows of another",
        _check,
        ["demod-voice dataset check voice", "demod-voice dataset check voice --json"],
        description="Check every clip's hash and header, every row, and that no recording, clip or sound is in two "
        "splits. Changes nothing. Ends in 6 when there is a fault.",
    )
    check.add_argument("dataset", help=DATASET)
    stats = command(
        commands,
        "stats",
        "Count hours, segments, durations and words",
        _stats,
        ["demod-voice dataset stats voice", "demod-voice dataset stats voice --json"],
    )
    stats.add_argument("dataset", help=DATASET)


def _add_versions(commands: Any) -> None:
    versions = command(
        commands, "versions", "List the versions of a dataset", _versions, ["demod-voice dataset versions voice"]
    )
    versions.add_argument("dataset", help=DATASET)
    diff = command(
        commands,
        "diff",
        "Show what changed between two versions",
        _diff,
        ["demod-voice dataset diff voice 1", "demod-voice dataset diff voice 1 3"],
    )
    diff.add_argument("dataset", help=DATASET)
    diff.add_argument("before", help=VERSION)
    diff.add_argument("after", nargs="?", default="latest", help=f"{VERSION} (default: latest)")
    restore = command(
        commands,
        "restore",
        "Bring an earlier version back, as a new one",
        _restore,
        ["demod-voice dataset restore voice 2"],
        description="Bring an earlier version back, as a new version. No sound is copied; nothing is lost.",
    )
    restore.add_argument("dataset", help=DATASET)
    restore.add_argument("version", help=VERSION)


def _add_export(commands: Any) -> None:
    export = command(
        commands,
        "export",
        "Write a dataset for another program",
        _export,
        [
            "demod-voice dataset export ljspeech voice -o voice-lj --sample-rate 22050",
            "demod-voice dataset export piper voice -o voice-piper --split train",
            "demod-voice dataset export audiofolder voice -o voice-hf --link",
            "demod-voice dataset export csm voice -o voice-csm --speaker anna",
        ],
        description="Write a dataset for another program, whole or not at all; the same dataset gives the same bytes. "
        "Segments in quarantine are left out, and where the format needs a text those without one.",
    )
    export.add_argument("format", choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    export.add_argument("dataset", help=DATASET)
    export.add_argument("-o", "--output", metavar="FOLDER", required=True, help="folder to make, or to make again")
    export.add_argument("--split", action="append", metavar="SPLIT", help="train, val or test; may be given again")
    export.add_argument("--speaker", action="append", metavar="NAME", help="only this one; may be given again")
    export.add_argument(
        "--sample-rate",
        type=int,
        default=0,
        choices=RATES,
        metavar="HZ",
        help="default: piper 22050, csm 24000, else own",
    )
    export.add_argument("--link", action="store_true", help="hard links where the bytes are the dataset's own")
    add_setting_flag(export, "--language", key="language", metavar="LANG", help="for the normalised text, and the card")


def _add_merge_and_clean(commands: Any) -> None:
    merge = command(
        commands,
        "merge",
        "Make one dataset of several",
        _merge,
        [
            "demod-voice dataset merge monday tuesday -o week",
            "demod-voice dataset merge voice -o voice-again --resplit",
        ],
        description="Make one dataset of several: every recording once and in one split, clips shared by hard links, "
        "reviews kept. The same recording in different splits is an error, unless --resplit divides anew.",
    )
    merge.add_argument(
        "datasets", nargs="+", help="folders of datasets; of a repeated recording the first one's clips stay"
    )
    merge.add_argument("-o", "--output", metavar="FOLDER", required=True, help="folder to make")
    merge.add_argument("--name", metavar="NAME", default="", help="name of the whole (default: the folder's)")
    merge.add_argument("--resplit", action="store_true", help="divide all recordings anew, by the first one's settings")
    clean = command(
        commands,
        "clean",
        "Remove clips that no version names, and unfinished work",
        _clean,
        ["demod-voice dataset clean voice", "demod-voice dataset clean voice --keep 1"],
        description="Remove clips that no version names, and unfinished work. What is visible stays as it is.",
    )
    clean.add_argument("dataset", help=DATASET)
    clean.add_argument(
        "--keep", metavar="N", type=int, default=0, help="versions that can still be restored (default: all)"
    )


def _check(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_keeping import check_dataset, describe_check, require_sound

    report = check_dataset(args.dataset, settings=app.settings)
    app.emit(report, text="\n".join(describe_check(report)))
    require_sound(report)


def _stats(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_keeping import dataset_stats, describe_stats
    from demod_voice.cli.output import table

    stats = dataset_stats(args.dataset, settings=app.settings, progress=app.progress)
    head, rows = describe_stats(stats)
    app.emit(stats, text="\n".join([*head, "", table(rows, ("what", "segments", "duration"))]))


def _versions(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_keeping import dataset_versions
    from demod_voice.cli.output import table

    versions = dataset_versions(args.dataset, settings=app.settings)
    rows = [(each.version, each.created, each.segments, each.manifest[:12], each.message) for each in versions]
    app.emit(versions, text=table(rows, ("version", "created", "segments", "hash", "made by")))


def _diff(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_keeping import describe_diff, diff_dataset

    diff = diff_dataset(args.dataset, args.before, args.after, settings=app.settings)
    app.emit(diff, text="\n".join(describe_diff(diff)))


def _restore(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_keeping import restore_dataset

    version = restore_dataset(args.dataset, args.version, settings=app.settings, progress=app.progress)
    app.emit(version, text=f"{args.dataset} is version {version.version} now: {version.segments} segments")


def _export(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_keeping import ExportOptions, export_dataset

    options = ExportOptions(
        splits=tuple(args.split or ()),
        speakers=tuple(args.speaker or ()),
        sample_rate=args.sample_rate,
        link=args.link,
        language=app.settings.language,
    )
    report = export_dataset(
        args.dataset, args.format, args.output, options, settings=app.settings, progress=app.progress
    )
    if report.without_text:
        app.note(f"{report.without_text} segments without a text were left out")
    if args.link and report.linked < report.clips:
        app.note(f"{report.clips - report.linked} clips are copies: their bytes or their file system differ")
    duration = f"{report.duration_s / 3600:.2f} h" if report.duration_s >= 3600 else f"{report.duration_s:.1f} s"
    app.emit(report, text=f"{report.path}: {report.clips} clips, {duration}, {report.sample_rate} Hz, {report.format}")


def _merge(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_keeping import merge_datasets

    report = merge_datasets(
        args.datasets, args.output, name=args.name, resplit=args.resplit, settings=app.settings, progress=app.progress
    )
    for each in report.repeated:
        app.note(f"{each} is in several: the first one's segments are kept")
    for before, after in report.renamed.items():
        app.note(f"another recording had the id {before} too: it is {after} now")
    app.emit(report, text=f"{report.path}: {report.segments} segments of {report.recordings} recordings")


def _clean(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.cache import format_size
    from demod_voice.api.dataset_keeping import clean_dataset

    done = clean_dataset(args.dataset, args.keep, settings=app.settings, progress=app.progress)
    app.emit(
        done, text=f"removed {done.clips} clips and {done.versions} versions, {format_size(done.freed_bytes)} freed"
    )
