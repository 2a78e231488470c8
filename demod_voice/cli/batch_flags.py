"""The flags that ``batch run`` and ``batch check`` share, and the one value that they become."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from demod_voice.cli.app import Parser, add_setting_flag
from demod_voice.cli.speak import add_voice_flags, voice_choice

if TYPE_CHECKING:
    from demod_voice.api.batch import BatchOptions

TASKS = ("speech", "episode")


def add_batch_flags(parser: Parser) -> None:
    """Declare the jobs file and what it is read with."""
    parser.add_argument("jobs_file", metavar="JOBS", help="CSV, TSV or JSONL: a row for each output")
    parser.add_argument("-o", "--out-dir", metavar="DIR", help="folder of the outputs (default: X-out beside X.csv)")
    parser.add_argument(
        "--root", metavar="DIR", help="outputs may lie outside --out-dir; they and the references must lie in DIR"
    )
    parser.add_argument(
        "--task", choices=TASKS, default="speech", help="a row is a text, or a script to be rendered (default: speech)"
    )
    parser.add_argument("--encoding", metavar="NAME", default="", help="of the jobs file, as cp1252 (default: UTF-8)")
    parser.add_argument("--format", metavar="F", default="", help="of outputs without a suffix: wav mp3 flac m4a opus")
    parser.add_argument("--loudness", metavar="LUFS", type=float, help="bring each output to it, -40 to -5")
    parser.add_argument(
        "--consent", metavar="WHO", default="", help="whose the references are: self, FILE, public-domain, unknown"
    )
    parser.add_argument("--lexicon", metavar="FILE", help="pronunciations (docs/pronunciation.md)")
    parser.add_argument(
        "--markup", action="store_true", help="obey the tags of a script's lines: <prosody>, <emphasis>, [pause 1s]"
    )
    add_voice_flags(parser)
    add_setting_flag(parser, "--seed", key="seed", metavar="N", help="seed of the rows that have none")
    add_setting_flag(parser, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def batch_options(args: argparse.Namespace) -> BatchOptions:
    """What the flags of ``add_batch_flags`` say."""
    from demod_voice.api.batch import BatchOptions

    return BatchOptions(
        out_dir=_path(args.out_dir),
        root=_path(args.root),
        task=args.task,
        encoding=args.encoding,
        format=args.format,
        loudness=args.loudness,
        consent=args.consent,
        lexicon=_path(args.lexicon),
        markup=args.markup,
        voice=voice_choice(args),
    )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
