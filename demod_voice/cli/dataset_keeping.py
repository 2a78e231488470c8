"""``demod-voice dataset``: check, stats, versions, diff, restore, export, merge, clean."""

from __future__ import annotations

import argparse
from typing import Any

from demod_voice.cli.app import App, command

DATASET = "folder of a dataset"
VERSION = "number, first digits of its hash, or latest"


def add_keeping_commands(commands: Any) -> None:
    """Declare the commands."""
    _add_looking(commands)
    _add_versions(commands)


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
