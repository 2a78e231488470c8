"""``batch run``, ``batch status``, ``batch clean``."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, add_setting_flag, command
from demod_voice.cli.batch_flags import add_batch_flags, batch_options
from demod_voice.cli.batch_ray import add_ray_flags


def add_run_commands(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the commands that work on a table."""
    _add_run(commands)
    status = command(
        commands,
        "status",
        "How many rows of a batch are done, and whether a run is at work",
        run_status,
        examples=["demod-voice batch status jobs-out", "demod-voice batch status jobs-out --json"],
    )
    status.add_argument("folder", metavar="DIR", help="the output folder of the batch")
    clean = command(
        commands,
        "clean",
        "Remove the work folder of a batch; outputs and results stay",
        run_clean,
        examples=["demod-voice batch clean jobs-out"],
        description="Remove batch.demod, where finished rows are recorded. The next run does every row again.",
    )
    clean.add_argument("folder", metavar="DIR", help="the output folder of the batch")


def _add_run(commands: argparse._SubParsersAction[Parser]) -> None:
    run = command(
        commands,
        "run",
        "Speak every row of a table, each into a file of its own",
        run_run,
        examples=[
            "demod-voice batch run jobs.csv",
            "demod-voice batch run jobs.csv -o spoken/ --engine piper --jobs 4",
            "demod-voice batch run jobs.jsonl --consent self --loudness -19 --format mp3",
            "demod-voice batch run jobs.csv --retry-failed",
            "demod-voice batch run scripts.csv --task episode",
        ],
        description=(
            "Check the whole table, then speak every row that is not spoken yet. A row that fails does not stop the "
            "others; results.csv tells what became of each. Killed or interrupted, the same command goes on where it "
            "was; after an edit, only changed rows are spoken."
        ),
    )
    add_batch_flags(run)
    add_setting_flag(run, "--jobs", key="jobs", metavar="N", help="workers of an engine; never changes the result")
    run.add_argument(
        "--on-error",
        choices=("continue", "stop"),
        default="continue",
        help="what a row that fails does to the others (default: continue)",
    )
    run.add_argument("--retry-failed", action="store_true", help="try the rows that failed in an earlier run again")
    run.add_argument(
        "--no-check", action="store_true", help="begin at once; rows with faults fail when it is their turn"
    )
    run.add_argument("--no-wait", action="store_true", help="end at once when another run works on the output folder")
    run.add_argument(
        "--executor", choices=("local", "ray"), default="local", help="this machine, or a Ray cluster (default: local)"
    )
    add_ray_flags(run)


def run_run(args: argparse.Namespace, app: App) -> None:
    """Run the batch; the exit code is that of the first row that failed."""
    from demod_voice.api.batch_run import BatchRunOptions, describe_batch_run, require_done, run_batch

    how = BatchRunOptions(
        on_error=args.on_error,
        retry_failed=args.retry_failed,
        check=not args.no_check,
        wait=not args.no_wait,
        executor=args.executor,
        ray_address=args.ray_address,
        verbose=bool(app.flags.verbose),
    )
    report = run_batch(args.jobs_file, batch_options(args), how, settings=app.settings, progress=app.progress)
    app.close()
    app.emit({"summary": report.summary, "manifest": report.manifest}, text=describe_batch_run(report))
    require_done(report)


def run_status(args: argparse.Namespace, app: App) -> None:
    """Print how far the batch is."""
    from demod_voice.api.batch_run import batch_status, describe_batch_status

    found = batch_status(args.folder, settings=app.settings)
    app.emit(found, text=describe_batch_status(found))


def run_clean(args: argparse.Namespace, app: App) -> None:
    """Remove the work folder and say what was freed, and what that costs."""
    from demod_voice.api.batch_run import clean_batch, format_size

    freed = clean_batch(args.folder, settings=app.settings)
    app.emit({"freed_bytes": freed}, text=f"{format_size(freed)} freed; the next run does every row again")
