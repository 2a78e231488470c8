"""``demod-voice dataset report``: a dataset as a page."""

from __future__ import annotations

import argparse
from typing import Any

from demod_voice.cli.app import App, command

TEXT = """Write a page about a dataset: hours by split and speaker, durations, levels, noise, what was rejected and why,
spectrograms, the sounds of its texts, its recordings, and clips worth listening to. One HTML file that needs no network."""


def add_report_command(commands: Any) -> None:
    """Declare the command."""
    report = command(
        commands,
        "report",
        "Write a page about a dataset",
        _report,
        ["demod-voice dataset report voice", "demod-voice dataset report voice -o voice.html"],
        description=TEXT,
    )
    report.add_argument("dataset", metavar="DATASET", help="folder of a dataset")
    report.add_argument(
        "-o", "--output", metavar="FILE", help="where the page goes (default: report/index.html in the dataset)"
    )


def _report(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.dataset_report import report_dataset

    path = report_dataset(args.dataset, args.output, settings=app.settings, progress=app.progress)
    app.emit({"dataset": args.dataset, "report": str(path)}, str(path))
