"""Flags that every command which mixes a script has."""

from __future__ import annotations

import argparse
from typing import Any

from demod_voice.cli.app import Parser, add_setting_flag


def add_mix_flags(parser: Parser, *, timing: bool = True) -> None:
    """What decides how a show sounds, beside its script."""
    parser.add_argument("--mix", metavar="FILE", help="mix.yaml: positions, music, effects, levels (docs/mix.md)")
    parser.add_argument("--preset", metavar="NAME", default="", help="targets of a place: see episode presets")
    if not timing:
        return
    parser.add_argument(
        "--timing", metavar="FILE", help="JSON plan of when each line starts: written when absent, else followed"
    )


def wishes_of(args: argparse.Namespace) -> dict[str, Any]:
    """What ``add_mix_flags`` and ``add_source_flags`` gave, as the functions of the API call it."""
    return {name: getattr(args, name) for name in ("mix", "preset", "timing", "cast", "show") if hasattr(args, name)}


def add_lexicon_flag(parser: Parser) -> None:
    """How words are said."""
    add_setting_flag(
        parser, "--lexicon", key="episode.lexicons", metavar="FILE", help="pronunciations (docs/pronunciation.md)"
    )


def add_speaking_flags(parser: Parser) -> None:
    """What decides how lines are spoken."""
    add_lexicon_flag(parser)
    add_setting_flag(parser, "--jobs", key="jobs", metavar="N", help="lines spoken at once; never changes the result")
    add_setting_flag(parser, "--seed", key="seed", metavar="N", help="seed of everything random")
    add_setting_flag(parser, "--language", key="language", metavar="TAG", help="language of a script that names none")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def add_source_flags(parser: Parser) -> None:
    """Files beside the script that say who speaks."""
    parser.add_argument(
        "--cast", "--speakers", metavar="FILE", help="cast.yaml: speakers that replace or complete the script's own"
    )
    parser.add_argument("--show", metavar="FILE", help="show.yaml; default: the nearest one beside the script or above")
