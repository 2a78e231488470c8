"""``demod-voice audio``: look at, convert, clean and normalise sound files."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, add_setting_flag, command

if TYPE_CHECKING:
    from demod_voice.api.audio import FileResult

FORMATS = ("wav", "flac", "mp3", "m4a", "opus", "ogg")


def register(parser: Parser) -> None:
    """Declare ``audio info|convert|clean|normalize``."""
    commands = parser.add_subparsers()
    info = command(
        commands,
        "info",
        "Show what sound files are, and how loud and noisy",
        _info,
        ["demod-voice audio info talk.mp3", "demod-voice audio info --json recordings/*.wav"],
        description=(
            "Duration, rate, channels, codec, bit rate and tags; integrated loudness, true peak and loudness range "
            "(EBU R 128); noise floor of the pauses, level of the speech, and their distance."
        ),
    )
    info.add_argument("files", metavar="FILE", nargs="+", help="sound or video files, or patterns")
    _add_convert(commands)
    _add_clean(commands)
    _add_normalize(commands)


def _add_convert(commands: Any) -> None:
    convert = command(
        commands,
        "convert",
        "Convert sound files to another format, rate or encoding",
        _convert,
        [
            "demod-voice audio convert talk.mp4 -o talk.wav",
            "demod-voice audio convert *.flac --out-dir wav/ --sample-rate 24000 --channels mono",
        ],
        description="Convert anything that libav reads to wav, flac, mp3, m4a, opus or ogg. soxr resamples.",
    )
    _add_files(convert)
    convert.add_argument("--sample-rate", metavar="HZ", type=int, default=0, help="default: the file's, up to 48000")
    convert.add_argument("--channels", choices=("keep", "mono"), default="keep", help="keep (default) or mix to mono")
    convert.add_argument(
        "--encoding",
        choices=("pcm_s16le", "pcm_s24le", "pcm_f32le"),
        default="pcm_s16le",
        help="samples of a wav (default: pcm_s16le)",
    )


def _add_clean(commands: Any) -> None:
    clean = command(
        commands,
        "clean",
        "Take rumble, hum, clicks and noise out of recordings",
        _clean,
        [
            "demod-voice audio clean interview.mp3 -o interview.wav",
            "demod-voice audio clean talks/*.m4a --out-dir clean/ --denoise-db 12 --declick --remove-silence",
        ],
        description=(
            "Clean recordings as dataset build does: high-pass, mains hum only where it is found, clicks, steady noise "
            "learned from the pauses, loudness. A step that would do harm is left out, and the report says why. "
            "The result is mono."
        ),
    )
    _add_files(clean)
    add_setting_flag(clean, "--no-hum", key="dataset.clean.hum", value="false", help="leave mains hum in")
    add_setting_flag(
        clean, "--denoise-db", key="dataset.clean.denoise_db", metavar="DB", help="most that noise is lowered; 0 = off"
    )
    add_setting_flag(
        clean, "--high-pass", key="dataset.clean.high_pass_hz", metavar="HZ", help="corner of the high-pass; 0 = off"
    )
    add_setting_flag(clean, "--declick", key="dataset.clean.declick", value="true", help="repair single clicks")
    add_setting_flag(clean, "--lufs", key="dataset.lufs", metavar="LUFS", help="loudness (default: -19)")
    add_setting_flag(clean, "--true-peak", key="dataset.true_peak_dbtp", metavar="DBTP", help="ceiling (default: -1)")
    add_setting_flag(clean, "--sample-rate", key="dataset.sample_rate", metavar="HZ", help="default: 24000")
    add_setting_flag(clean, "--encoding", key="dataset.encoding", metavar="NAME", help="samples of a wav")
    add_setting_flag(clean, "--jobs", key="jobs", metavar="N", help="threads (default: one per processor)")
    clean.add_argument("--remove-silence", action="store_true", help="make long pauses shorter")
    clean.add_argument("--longest-pause", metavar="S", type=float, default=1.0, help="pauses that stay (default: 1)")
    clean.add_argument("--pause", metavar="S", type=float, default=0.5, help="what a longer one becomes (default: 0.5)")


def _add_normalize(commands: Any) -> None:
    normalize = command(
        commands,
        "normalize",
        "Bring sound files to one loudness under a true peak",
        _normalize,
        [
            "demod-voice audio normalize show.wav -o show-16.mp3 --lufs -16",
            "demod-voice audio normalize takes/*.wav --out-dir even/",
        ],
        description=(
            "One gain for the whole file, and a true-peak limiter where a peak asks for it. A lossy output is measured "
            "again, and encoded again where it missed."
        ),
    )
    _add_files(normalize)
    normalize.add_argument(
        "--lufs", metavar="LUFS", type=float, help="-40 to -5 (default: -19 for mono, -16 for stereo)"
    )
    normalize.add_argument("--true-peak", metavar="DBTP", type=float, help="ceiling (default: -1)")


def _add_files(parser: Parser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="sound or video files, or patterns")
    parser.add_argument("-o", "--output", metavar="FILE", help="the output of one file; its suffix is the format")
    parser.add_argument("--out-dir", metavar="FOLDER", help="folder of the outputs; made when missing")
    parser.add_argument("--to", choices=FORMATS, default="wav", help="format in --out-dir (default: wav)")
    parser.add_argument("--force", action="store_true", help="replace outputs that exist (never an input)")


def _info(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.audio import audio_info

    _tell(audio_info(args.files, settings=app.settings, progress=app.progress), app, _info_lines)


def _convert(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.audio import convert_audio

    wishes = {"sample_rate": args.sample_rate, "channels": args.channels, "encoding": args.encoding}
    _tell(convert_audio(args.files, args.output, **wishes, **_common(args, app)), app, _convert_lines)


def _clean(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.audio import CleanOptions, clean_audio

    options = CleanOptions(args.remove_silence, args.longest_pause, args.pause)
    _tell(clean_audio(args.files, args.output, options=options, **_common(args, app)), app, _clean_lines)


def _normalize(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.audio import normalize_audio

    wishes = {"lufs": args.lufs, "true_peak_dbtp": args.true_peak}
    _tell(normalize_audio(args.files, args.output, **wishes, **_common(args, app)), app, _normalize_lines)


def _common(args: argparse.Namespace, app: App) -> dict[str, Any]:
    return {
        "out_dir": args.out_dir,
        "to": args.to,
        "force": args.force,
        "settings": app.settings,
        "progress": app.progress,
    }


def _tell(results: list[FileResult], app: App, lines: Callable[[FileResult], list[str]]) -> None:
    """Print what became of each file, and end with the exit code that it asks for."""
    from demod_voice.api.audio import require_all

    app.close()
    told = [line for each in results if each.error is None for line in lines(each)]
    if told or app.flags.json:
        app.emit({"files": results}, "\n".join(told))
    require_all(results)


def _info_lines(result: FileResult) -> list[str]:
    from demod_voice.api.audio import format_duration
    from demod_voice.cli.output import table

    found = result.report
    media = found.media
    kind = f"{media.codec} in {media.container}"
    if media.bit_rate:
        kind += f", {media.bit_rate / 1000:.0f} kbit/s"
    rows = [
        ("duration", format_duration(found.duration_s)),
        ("sound", f"{media.sample_rate} Hz, {media.num_channels} channel{'s' if media.num_channels != 1 else ''}"),
        ("codec", kind),
        ("loudness", f"{found.lufs:.1f} LUFS, true peak {found.true_peak_dbtp:.1f} dBTP, range {found.lra_lu:.1f} LU"),
        ("speech", f"{format_duration(found.speech_s)}{_level(found.speech_dbfs)} (found by {found.detector})"),
        ("noise", f"{_number(found.noise_floor_dbfs, 'dBFS')} in the pauses, SNR {_number(found.snr_db, 'dB')}"),
        *((f"tag {name}", value) for name, value in media.tags.items()),
        *(("note", each) for each in found.degraded),
    ]
    return [str(result.source), *(f"  {line}" for line in table(rows).splitlines())]


def _convert_lines(result: FileResult) -> list[str]:
    found = result.report
    channels = (
        "mono" if found.num_channels == 1 else "stereo" if found.num_channels == 2 else f"{found.num_channels} ch"
    )
    return [f"{result.output}  {found.codec}, {found.sample_rate} Hz, {channels}, {found.duration_s:.2f} s"]


def _normalize_lines(result: FileResult) -> list[str]:
    found = result.report
    missed = "" if found["on_target"] else f"  (off the target of {found['target_lufs']:g} LUFS)"
    return [
        f"{result.output}  {found['lufs']:.1f} LUFS, true peak {found['true_peak_dbtp']:.1f} dBTP, "
        f"gain {found['gain_db']:+.1f} dB{missed}"
    ]


def _clean_lines(result: FileResult) -> list[str]:
    from demod_voice.cli.output import table

    found = result.report
    rows = [("", "before", "after", "")]
    for name, label in (("speech_dbfs", "speech, dBFS"), ("noise_floor_dbfs", "noise, dBFS"), ("snr_db", "SNR, dB")):
        rows.append((label, _cell(found["before"].get(name)), _cell(found["after"].get(name)), ""))
    for step in found["steps"]:
        name = step["name"].replace("_", "-")
        rows.append(
            (name, *_before_after(step), step["why"] if step["why"] else "" if step["applied"] else "not needed")
        )
    lines = [str(result.output), *(f"  {line}" for line in table(rows).splitlines())]
    if "silence" in found:
        shorter = found["silence"]
        lines.append(f"  {shorter.pauses} pauses made shorter by {shorter.removed_s:.1f} s in all")
    return lines + [f"  note: {each}" for each in found["degraded"]]


def _before_after(step: dict[str, Any]) -> tuple[str, str]:
    """The measure that a step is about, before and after it; nothing for one that was not done."""
    units = {"hum": ("hum_db", "dB"), "declick": ("clicks_per_min", "/min"), "loudness": ("lufs", "LUFS")}
    name, unit = units.get(step["name"], ("noise_floor_dbfs", "dBFS"))
    before, after = step["before"].get(name), step["after"].get(name)
    if not step["applied"] or before is None or after is None:
        return "", ""
    return _number(before, unit), _number(after, unit)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _number(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:.1f} {unit}"


def _level(value: float | None) -> str:
    return "" if value is None else f" at {value:.1f} dBFS"
