"""``demod-voice audio``: look at, convert, clean and normalise sound files."""

from __future__ import annotations

from demod_voice.cli.app import Parser


def register(parser: Parser) -> None:
    """Declare ``audio info|convert|clean|normalize``."""
    parser.add_subparsers()
