"""``demod-voice batch``: a table of jobs, a row an output."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, command
from demod_voice.cli.batch_flags import add_batch_flags, batch_options
from demod_voice.cli.batch_run import add_run_commands
from demod_voice.cli.groups import DEFAULT_COMMANDS


def register(parser: Parser) -> None:
    """Declare every ``batch`` command; ``batch JOBS`` is ``batch run JOBS``."""
    parser.default_command = DEFAULT_COMMANDS["batch"]
    commands = parser.add_subparsers()
    add_run_commands(commands)
    _add_check(commands)


def _add_check(commands: argparse._SubParsersAction[Parser]) -> None:
    check = command(
        commands,
        "check",
        "Find every fault of a table before anything is spoken",
        run_check,
        examples=[
            "demod-voice batch check jobs.csv",
            "demod-voice batch check jobs.csv --faults faults.csv",
            "demod-voice batch check export.csv --encoding cp1252 --engine piper --voice narrator",
        ],
        description=(
            "Read every row: its cells, its output and its reference, whether two rows write one file, and who speaks "
            "it. Then start each engine once and see that it has the voices. Nothing is spoken or written."
        ),
    )
    add_batch_flags(check)
    check.add_argument("--faults", metavar="FILE.csv", help="write all faults there: row, line, fault, remedy")


def run_check(args: argparse.Namespace, app: App) -> None:
    """Print what is in the table; exit code 2 when a row has a fault."""
    from demod_voice.api.batch import check_batch, describe_batch_check, require_no_faults

    found = check_batch(
        args.jobs_file, batch_options(args), faults_file=args.faults, settings=app.settings, progress=app.progress
    )
    app.close()
    app.emit(found, text=None if found.faults else describe_batch_check(found))
    require_no_faults(found)
