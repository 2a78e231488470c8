"""``demod-voice csm``: say a text with Sesame's CSM, from anchors and an adapter (infer)."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, add_setting_flag, command
from demod_voice.cli.speak import text_of

if TYPE_CHECKING:
    from demod_voice.api.csm import CsmAnchor, CsmVoice

LENGTH_ASKED = "max_length: "
"""What the engine says of a length that was asked for begins so."""
EXAMPLES = [
    'demod-voice csm infer --text "Hello." --anchor me.wav --anchor-text "What I say in it." --consent self -o out.wav',
    "demod-voice csm infer --file chapter.txt --adapter my-lora --consent self --turns 4 -o chapter.mp3",
]


def register(parser: Parser) -> None:
    """Declare ``csm infer``."""
    commands = parser.add_subparsers()
    infer = command(
        commands,
        "infer",
        "Say a text with a voice made of anchors, an adapter, or both",
        _infer,
        EXAMPLES,
        description="Say a text with CSM, into a WAV, FLAC, MP3, M4A or Opus file. Anchors are clips with their words, "
        "which the model goes on from; an adapter is what training made.",
    )
    infer.add_argument("--text", metavar="TEXT", help="what to say; - reads it from stdin")
    infer.add_argument("--file", metavar="FILE", help="read the text from FILE (UTF-8)")
    _add_voice(infer)
    infer.add_argument(
        "--turns", metavar="N", type=int, default=0, help="each paragraph goes on from N before it (0-8)"
    )
    infer.add_argument("-o", "--output", metavar="FILE", required=True, help="audio file; its suffix is the format")
    add_setting_flag(infer, "--seed", key="seed", metavar="N", help="seed of everything random")
    add_setting_flag(infer, "--device", key="device", metavar="DEVICE", help="auto, cpu or cuda:N")


def _add_voice(parser: Parser) -> None:
    """The flags that say who speaks."""
    many: dict[str, Any] = {"action": "append", "nargs": "+", "default": []}
    parser.add_argument(
        "--anchor", metavar="FILE", type=Path, help="clips of the voice, 6-12 s each; may be given again", **many
    )
    parser.add_argument("--anchor-text", metavar="TEXT", help="the words in each, in order", **many)
    parser.add_argument("--anchor-idx", metavar="N", type=int, help="one of the anchors alone, from 0 (default: all)")
    parser.add_argument("--adapter", metavar="DIR", type=Path, help="folder of a LoRA adapter")
    parser.add_argument(
        "--consent",
        metavar="WORD|FILE",
        help="whose voice it is: self, public-domain, unknown, or a file: the speaker's statement",
    )
    parser.add_argument(
        "--speaker", metavar="N", default="", help="number that the adapter was trained with (default: 0)"
    )
    parser.add_argument("--temperature", metavar="X", type=float, help="greater is livelier (default: 0.7)")
    parser.add_argument("--top-k", metavar="N", type=int, help="draw each code from the N likeliest (default: 50)")
    parser.add_argument("--max-length", metavar="S", type=float, help="longest sound of a paragraph, seconds")
    parser.add_argument("--model", metavar="DIR", default="", help="a model's folder, or its name in `models list`")


def voice_of(args: argparse.Namespace) -> CsmVoice:
    """The voice that the flags describe.

    Raises:
        UsageError: there are more anchors than texts of them, or fewer.
    """
    from demod_voice.api.csm import CsmVoice

    return CsmVoice(
        anchors=_anchors(args),
        adapter=args.adapter,
        consent=args.consent,
        model=args.model,
        speaker=args.speaker,
        temperature=args.temperature,
        top_k=args.top_k,
        max_length_s=args.max_length,
    )


def _infer(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.csm import infer_csm

    asked: dict[str, Any] = {"anchor_idx": args.anchor_idx, "turns": args.turns}
    spoken = infer_csm(
        text_of(args, app, "--text"), args.output, voice_of(args), **asked, settings=app.settings, progress=app.progress
    )
    for warning in spoken.warnings:
        app.note(warning)
    made = spoken.file
    for what in made.degraded:
        app.note(what if what.startswith(LENGTH_ASKED) else f"not honoured by csm: {what}")
    told = f"{made.path}: {made.duration_s:.2f} s, {made.sample_rate} Hz, csm/{made.voice}"
    app.emit(spoken, f"{told}; consent {spoken.consent}; model licence {spoken.licence}")


def _anchors(args: argparse.Namespace) -> tuple[CsmAnchor, ...]:
    """Each clip with its words.

    Raises:
        UsageError: there are more of the one than of the other.
    """
    from demod_voice.api.csm import CsmAnchor
    from demod_voice.api.episodes import counted
    from demod_voice.api.errors import UsageError

    paths = [path for group in args.anchor for path in group]
    texts = [text for group in args.anchor_text for text in group]
    if len(paths) != len(texts):
        counts = f"{counted(len(paths), 'anchor')}, {counted(len(texts), 'text')}"
        raise UsageError(f"one --anchor-text for each --anchor, in the same order: got {counts}")
    return tuple(CsmAnchor(path, text) for path, text in zip(paths, texts, strict=True))
