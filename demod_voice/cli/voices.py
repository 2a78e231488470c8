"""``demod-voice voices``: what can speak, how it sounds, and whose voice it is."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, command
from demod_voice.cli.called import as_called
from demod_voice.cli.output import table

if TYPE_CHECKING:
    from demod_voice.api.voices import SavedVoice, VoiceList

FAILED = 4


def register(parser: Parser) -> None:
    """Declare ``voices list|audition|add|show|rename|remove|export|import``."""
    commands = parser.add_subparsers()
    each = command(
        commands,
        "list",
        "List saved voices, and the voices of an engine",
        _list,
        ["demod-voice voices list", "demod-voice voices list --engine espeak"],
    )
    each.add_argument(
        "--engine", metavar="NAME", default="", help="only this engine's, with the ones that it brings along"
    )
    _register_audition(commands)
    _register_add(commands)
    show = command(commands, "show", "Show a saved voice and its consent", _show, ["demod-voice voices show ada"])
    show.add_argument("name", metavar="NAME")
    rename = command(commands, "rename", "Rename a saved voice", _rename, ["demod-voice voices rename ada grace"])
    rename.add_argument("name", metavar="NAME")
    rename.add_argument("new_name", metavar="NEW_NAME")
    remove = command(commands, "remove", "Delete a saved voice", _remove, ["demod-voice voices remove ada"])
    remove.add_argument("name", metavar="NAME")
    _register_carry(commands)


def _register_audition(commands: argparse._SubParsersAction[Any]) -> None:
    parser = command(
        commands,
        "audition",
        "Hear the same sentence in several voices",
        _audition,
        [
            "demod-voice voices audition ada grace -o auditions",
            "demod-voice voices audition --engine espeak --language en -o auditions",
        ],
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="voices; none = those of --engine")
    parser.add_argument("--engine", metavar="NAME", default="", help="engine of the voices (default: engines.default)")
    parser.add_argument("--text", metavar="TEXT", help="what they say")
    parser.add_argument("--language", metavar="TAG", default="", help="BCP 47 tag (default: each voice's own)")
    parser.add_argument("--most", metavar="N", type=int, help="how many, when no names are given (default: 24)")
    parser.add_argument("-o", "--output", metavar="FOLDER", required=True, help="folder for one WAV per voice")


def _register_add(commands: argparse._SubParsersAction[Any]) -> None:
    parser = command(
        commands,
        "add",
        "Save a voice: a preset, a model, or a clone of recordings",
        _add,
        [
            "demod-voice voices add nora --engine espeak --preset en-gb+f2 --speed 1.1",
            "demod-voice voices add amy --engine piper --model en_US-amy.onnx --licence CC-BY-4.0",
            "demod-voice voices add me --engine xtts --reference a.wav --reference b.wav --consent self",
        ],
    )
    parser.add_argument("name", metavar="NAME", help="letters, digits, - and _")
    parser.add_argument("--engine", metavar="NAME", required=True, help="the engine that speaks it")
    parser.add_argument("--preset", metavar="VOICE", help="one of the engine's own voices")
    parser.add_argument("--model", metavar="PATH", type=Path, help="model file or folder; copied below 200 MB")
    parser.add_argument("--speaker", metavar="S", help="speaker inside the model, by name or number")
    parser.add_argument(
        "--reference",
        metavar="FILE",
        type=Path,
        action="append",
        nargs="+",
        default=[],
        help="recordings of the voice, 6-12 s each",
    )
    parser.add_argument(
        "--text",
        metavar="TEXT",
        action="append",
        nargs="+",
        default=[],
        help="what is said in each reference, in order",
    )
    parser.add_argument("--adapter", metavar="FOLDER", type=Path, help="trained adapter (LoRA)")
    parser.add_argument("--language", metavar="TAG", default="", help="BCP 47 tag that it speaks by default")
    parser.add_argument("--speed", metavar="X", type=float, default=1.0, help="ratio of the engine's own rate")
    parser.add_argument("--pitch", metavar="X", type=float, default=1.0, help="ratio of the engine's own pitch")
    parser.add_argument("--volume", metavar="DB", type=float, default=0.0, help="gain in dB")
    parser.add_argument("--style", metavar="KEY=VALUE", action="append", default=[], help="a setting of the engine")
    parser.add_argument(
        "--consent", metavar="WORD|FILE", help="self, public-domain, unknown, or a file: the speaker's statement"
    )
    parser.add_argument("--licence", metavar="NAME", default="", help="licence of the voice, such as CC-BY-4.0")


def _register_carry(commands: argparse._SubParsersAction[Any]) -> None:
    out = command(
        commands,
        "export",
        "Pack a saved voice into one .voice file",
        _export,
        ["demod-voice voices export ada -o ada.voice"],
    )
    out.add_argument("name", metavar="NAME")
    out.add_argument("-o", "--output", metavar="FILE", default="", help="default: NAME.voice in this folder")
    back = command(
        commands,
        "import",
        "Save the voice in a .voice file",
        _import,
        ["demod-voice voices import ada.voice --name ada-2"],
    )
    back.add_argument("file", metavar="FILE")
    back.add_argument("--name", metavar="NAME", default="", help="save it under this name")


def _list(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.voices import list_voices

    found = list_voices(args.engine, settings=app.settings, progress=app.progress)
    for fault in found.broken:
        app.note(f"{fault.message} ({fault.hint})" if fault.hint else fault.message)
    data = {
        "saved": [_summary(voice) for voice in found.saved],
        "models": [path.stem for path in found.models],
        "engine": found.engine,
        "presets": list(found.presets),
        "titles": dict(found.titles),
    }
    app.emit(data, _list_text(found))


def _list_text(found: VoiceList) -> str:
    rows = [
        (each["name"], each["engine"], each["kind"], each["language"], each["consent"], each["licence"])
        for each in map(_summary, found.saved)
    ]
    rows += [(path.stem, "piper", "model", "", "unknown", "") for path in found.models]
    parts = [table(rows, ("voice", "engine", "kind", "language", "consent", "licence")) if rows else "no saved voices"]
    if found.engine:
        parts += ["", *_preset_lines(found)]
    else:
        parts += ["", as_called("voices of an engine: demod-voice voices list --engine espeak")]
    return "\n".join(parts)


def _preset_lines(found: VoiceList) -> list[str]:
    """The voices of an engine with their names, and apart from them the variants that go with any."""
    voices = [each for each in found.presets if not each.startswith("+")]
    variants = [each for each in found.presets if each.startswith("+")]
    if not found.presets:
        return [f"{found.engine} brings no voices along"]
    lines = [f"voices of {found.engine}: {len(voices)}"]
    lines += table([(each, found.titles.get(each, "")) for each in voices]).splitlines()
    if variants and voices:
        example = f"{'en-us' if 'en-us' in voices else voices[0]}{'+f3' if '+f3' in variants else variants[0]}"
        lines += ["", f"variants, to be written after any of them as in {example}: {len(variants)}"]
        lines += textwrap.wrap(", ".join(variants), 100, break_on_hyphens=False)
    return lines


def _audition(args: argparse.Namespace, app: App) -> int:
    from demod_voice.api.voices import AUDITION_TEXT, MOST_AUDITIONED, audition_voices

    heard = audition_voices(
        args.names,
        args.output,
        engine=args.engine,
        text=AUDITION_TEXT if args.text is None else args.text,
        language=args.language,
        most=MOST_AUDITIONED if args.most is None else args.most,
        settings=app.settings,
        progress=app.progress,
    )
    rows = [
        (each.voice, each.engine, "-", "-", f"failed: {each.error}")
        if each.error
        else (each.voice, each.engine, f"{each.duration_s:.2f} s", f"{each.peak_dbfs:.1f} dBFS", each.path)
        for each in heard
    ]
    app.emit(heard, table(rows, ("voice", "engine", "length", "peak", "file")))
    return FAILED if any(each.error for each in heard) else 0


def _add(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.voices import NewVoice, add_voice
    from demod_voice.cli.speak import parse_style

    new = NewVoice(
        name=args.name,
        engine=args.engine,
        preset=args.preset,
        model=args.model,
        speaker=args.speaker,
        references=tuple(path for group in args.reference for path in group),
        texts=tuple(text for group in args.text for text in group),
        adapter=args.adapter,
        language=args.language,
        speed=args.speed,
        pitch=args.pitch,
        volume_db=args.volume,
        style=parse_style(args.style),
        consent=args.consent,
        licence=args.licence,
    )
    report = add_voice(new, settings=app.settings, progress=app.progress)
    for warning in report.warnings:
        app.note(f"warning: {warning}")
    record = report.voice.record
    app.emit(
        {**_details(report.voice), "warnings": list(report.warnings)},
        f"saved voice {args.name} ({record.kind} of {record.engine}), consent: {record.consent.label}",
    )


def _show(args: argparse.Namespace, app: App) -> int:
    from demod_voice.api.voices import damaged_files, show_voice

    voice = show_voice(args.name, settings=app.settings)
    damaged = damaged_files(voice)
    details = {**_details(voice), "damaged": damaged}
    rows = [(key, value) for key, value in details.items() if value not in ("", None, [], {})]
    app.emit(details, table([(key, _cell(value)) for key, value in rows]))
    return FAILED if damaged else 0


def _rename(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.voices import rename_voice

    voice = rename_voice(args.name, args.new_name, settings=app.settings)
    app.emit(_summary(voice), f"{args.name} is now {voice.name}")


def _remove(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.voices import remove_voice

    remove_voice(args.name, settings=app.settings)
    app.emit({"removed": args.name}, f"removed {args.name}")


def _export(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.voices import export_voice

    report = export_voice(args.name, args.output, settings=app.settings)
    app.emit(report, f"{report.path}: {report.files} files, {report.num_bytes} bytes, sha256 {report.sha256}")


def _import(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.voices import import_voice

    voice = import_voice(args.file, args.name, settings=app.settings)
    app.emit(_details(voice), f"saved voice {voice.name}, consent: {voice.record.consent.label}")


def _summary(voice: SavedVoice) -> dict[str, str]:
    record = voice.record
    return {
        "name": voice.name,
        "engine": record.engine,
        "kind": record.kind,
        "language": record.language,
        "consent": record.consent.label,
        "licence": record.licence,
    }


def _details(voice: SavedVoice) -> dict[str, Any]:
    record = voice.record
    return {
        **_summary(voice),
        "preset": record.preset,
        "model": None if record.model is None else record.model.path,
        "speaker": record.speaker,
        "adapter": None if record.adapter is None else record.adapter.path,
        "references": [
            {"file": each.file, "duration_s": each.duration_s, "text": each.text, "sha256": each.sha256}
            for each in record.references
        ],
        "speed": record.speed,
        "pitch": record.pitch,
        "volume_db": record.volume_db,
        "style": record.style,
        "folder": str(voice.folder),
    }


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_cell(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items() if each != "")
    return str(value)
