"""``demod-voice dataset``: training data made from recordings, kept, and reviewed."""

from __future__ import annotations

from demod_voice.cli.app import Parser
from demod_voice.cli.dataset_build import add_build_commands
from demod_voice.cli.dataset_keeping import add_keeping_commands
from demod_voice.cli.dataset_report import add_report_command
from demod_voice.cli.dataset_review import add_review_command


def register(parser: Parser) -> None:
    """Declare every ``dataset`` command."""
    commands = parser.add_subparsers()
    add_build_commands(commands)
    add_review_command(commands)
    add_keeping_commands(commands)
    add_report_command(commands)
