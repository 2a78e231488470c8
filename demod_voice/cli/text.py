"""``demod-voice text``: what an engine will be given, as words or as phonemes."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, command
from demod_voice.cli.speak import add_speaker_flags, add_text_source, speaker_choice, text_of


def register(parser: Parser) -> None:
    """Declare ``text normalize|phonemes``."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    normalize = command(
        commands,
        "normalize",
        "Show the words that an engine is given",
        _normalize,
        [
            'demod-voice text normalize "It costs $5.20 on 3/5/2026." --language en',
            "demod-voice text normalize --file chapter.txt --engine piper --lexicon lexicon.yaml",
        ],
        description=(
            "Print a text as an engine gets it, a chunk on each line: cleaned, numbers and dates read out unless the "
            "engine reads them itself, cut to the engine's limit."
        ),
    )
    add_text_source(normalize)
    normalize.add_argument("--language", metavar="TAG", default="", help="BCP 47 tag, such as en or pt-BR")
    normalize.add_argument("--engine", metavar="NAME", default="", help="as this engine gets it")
    normalize.add_argument("--lexicon", metavar="FILE", help="pronunciations, applied first")
    phonemes = command(
        commands,
        "phonemes",
        "Show how an engine would say a text, in IPA",
        _phonemes,
        [
            'demod-voice text phonemes "Hello world." --voice en-us',
            'demod-voice text phonemes "Bonjour" --language fr',
        ],
        description="Print the IPA of a text, a clause on each line, by an engine that tells it (espeak, piper).",
    )
    add_text_source(phonemes)
    add_speaker_flags(phonemes)


def _normalize(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.text import normalize_text

    text = text_of(args, app)
    found = normalize_text(text, args.language, engine=args.engine, lexicon=args.lexicon, settings=app.settings)
    app.emit(found, "\n".join(found.chunks))


def _phonemes(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.text import text_phonemes

    found = text_phonemes(text_of(args, app), speaker_choice(args), settings=app.settings, progress=app.progress)
    for what in found.degraded:
        app.note(f"not honoured by {found.engine}: {what}")
    app.emit(found, "\n".join(found.phonemes))
