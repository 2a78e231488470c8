"""``episode``: check a script, render it, start a new one, clean up."""

from __future__ import annotations

import argparse

from demod_voice.cli import diff, preview, takes
from demod_voice.cli.app import App, Parser, command
from demod_voice.cli.called import as_called
from demod_voice.cli.mixing import add_lexicon_flag, add_mix_flags, add_source_flags, add_speaking_flags, wishes_of
from demod_voice.cli.publishing import add_publishing_flags


def register(parser: Parser) -> None:
    """Declare the commands of the group."""
    commands = parser.add_subparsers()
    _register_render(commands)
    _register_stems(commands)
    check = command(
        commands,
        "check",
        "Say everything that is wrong with a script, speak nothing",
        run_check,
        examples=["demod-voice episode check script.md", "demod-voice episode check script.json --json"],
    )
    check.add_argument("script", metavar="SCRIPT", help="Markdown, JSON or YAML script")
    add_lexicon_flag(check)
    add_source_flags(check)
    new = command(
        commands,
        "new",
        "Write a small script to start from",
        run_new,
        examples=["demod-voice episode new my-show.md", "demod-voice episode new my-show.yaml"],
    )
    new.add_argument(
        "path",
        metavar="FILE",
        help="the script to write: .md, .json or .yaml; it must not exist",
    )
    command(
        commands,
        "presets",
        "List what places that publish audio ask of a master",
        run_presets,
        examples=["demod-voice episode presets", "demod-voice episode presets --json"],
    )
    clean = command(
        commands,
        "clean",
        "Remove the work folder of an episode; the published files stay",
        run_clean,
        examples=["demod-voice episode clean show.mp3"],
        description="Remove X.demod, where takes and finished steps are kept. The next render speaks every line again.",
    )
    clean.add_argument("output", metavar="OUTPUT", help="the episode's audio file, or its .demod folder")
    clean.add_argument("--force", action="store_true", help="also when takes were chosen or locked")
    preview.register(commands)
    diff.register(commands)
    takes.register(commands)


def _register_render(commands: argparse._SubParsersAction[Parser]) -> None:
    render = command(
        commands,
        "render",
        "Turn a script into a mastered episode",
        run_render,
        examples=[
            "demod-voice episode render script.md -o show.mp3",
            "demod-voice episode render script.md -o show.mp3 --format wav --format opus",
            "demod-voice episode render script.md -o show.wav --jobs 4 --seed 7",
            "demod-voice episode render episodes/*.md -o out/ --format mp3 --cast cast.yaml",
        ],
        description=(
            "Speak every line, place the lines with natural pauses, master to the target loudness and encode. "
            "Beside the audio: manifest, metrics, transcripts, a report, and X.demod with the work. Killed or "
            "interrupted, the same command goes on where it was; after an edit, only changed lines are spoken."
        ),
    )
    render.add_argument(
        "script", metavar="SCRIPT", nargs="+", help="Markdown, JSON or YAML script; several for a folder"
    )
    render.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="audio file; its suffix is the format (wav mp3 flac m4a m4b opus ogg). FOLDER/ for several scripts",
    )
    render.add_argument(
        "--format", metavar="NAME", action="append", default=[], help="one more format beside it; may be given again"
    )
    add_source_flags(render)
    add_mix_flags(render)
    add_speaking_flags(render)
    add_publishing_flags(render)


def _register_stems(commands: argparse._SubParsersAction[Parser]) -> None:
    stems = command(
        commands,
        "stems",
        "Write a WAV for each speaker, each bed, the effects and the room",
        run_stems,
        examples=[
            "demod-voice episode stems script.md -o stems/",
            "demod-voice episode stems script.md -o s --mix m.yaml",
        ],
        description=(
            "Speak and mix a script like a render, and write each track as a float WAV as long as the show. They add "
            "up to the show before its limiter."
        ),
    )
    stems.add_argument("script", metavar="SCRIPT", help="Markdown, JSON or YAML script")
    stems.add_argument("-o", "--output", metavar="FOLDER", required=True, help="folder of the stems; made when missing")
    add_source_flags(stems)
    add_mix_flags(stems)
    add_speaking_flags(stems)


def run_stems(args: argparse.Namespace, app: App) -> None:
    """Write the stems and print where they are."""
    from demod_voice.api.episodes import write_stems

    files = write_stems(args.script, args.output, settings=app.settings, progress=app.progress, **wishes_of(args))
    app.close()
    app.emit({"stems": files}, text="\n".join(map(str, files)))


def run_render(args: argparse.Namespace, app: App) -> None:
    """Render, print where things are, and end with exit code 6 when the loudness was missed."""
    from demod_voice.api.episodes import describe_render, render_episode, render_episodes, require_quality

    wishes = {"settings": app.settings, "formats": args.format, "progress": app.progress, **wishes_of(args)}
    several = len(args.script) > 1 or args.output.endswith("/")
    if several:
        reports = render_episodes(args.script, args.output, **wishes)
    else:
        reports = [render_episode(args.script[0], args.output, **wishes)]
    app.close()
    made = [{"manifest": each.manifest, "metrics": each.metrics} for each in reports]
    told = "\n".join(line for report in reports for line in describe_render(report))
    app.emit({"episodes": made} if several else made[0], text=told)
    for report in reports:
        require_quality(report)


def run_check(args: argparse.Namespace, app: App) -> None:
    """Print what is in the script."""
    from demod_voice.api.episodes import check_episode, describe_check

    report = check_episode(args.script, settings=app.settings, cast=args.cast, show=args.show, progress=app.progress)
    app.emit(report, text="\n".join(describe_check(report)))


def run_new(args: argparse.Namespace, app: App) -> None:
    """Write the script and say what to do with it."""
    from demod_voice.api.episodes import new_episode

    path = new_episode(args.path, settings=app.settings)
    then = f"demod-voice episode render {path} -o {path.with_suffix('.mp3').name}"
    app.emit({"script": path}, text=as_called(f"{path} is written; try: {then}"))


def run_presets(_: argparse.Namespace, app: App) -> None:
    """Print the table of presets."""
    from demod_voice.api.publishing import describe_presets, list_presets
    from demod_voice.cli.output import table

    app.emit(list_presets(), text=table(describe_presets()))


def run_clean(args: argparse.Namespace, app: App) -> None:
    """Remove the work folder and say what was freed."""
    from demod_voice.api.episodes import clean_episode, format_size

    freed = clean_episode(args.output, settings=app.settings, force=args.force)
    app.emit({"freed_bytes": freed}, text=f"{format_size(freed)} freed")
