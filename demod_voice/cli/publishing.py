"""The flags that decide how a show goes out."""

from __future__ import annotations

from demod_voice.cli.app import Parser, add_setting_flag


def add_publishing_flags(parser: Parser) -> None:
    """What decides how a show goes out."""
    add_setting_flag(
        parser,
        "--fast-encode",
        key="encode.fast",
        value="true",
        help="encode mp3 and opus in less time, a little coarser",
    )
    add_setting_flag(
        parser,
        "--license-policy",
        "--licence-policy",
        key="publish.licence_policy",
        metavar="POLICY",
        help="voices not free for commercial use: refuse, label (default) or allow",
    )
