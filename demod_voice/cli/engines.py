"""``engines``: list, install, remove, inspect and check speech engines."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, command


def register(parser: Parser) -> None:
    """Declare the commands of the group."""
    commands = parser.add_subparsers()
    command(
        commands,
        "list",
        "Every engine, and whether it is installed",
        run_list,
        examples=["demod-voice engines list", "demod-voice engines list --json"],
    )
    install = command(
        commands,
        "install",
        "Make an engine's environment, or repair it",
        run_install,
        examples=["demod-voice engines install piper", "demod-voice engines install piper --again"],
    )
    install.add_argument("name", metavar="NAME", nargs="+", help="engines to install")
    install.add_argument("--again", action="store_true", help="make it anew even when it is whole")
    remove = command(
        commands,
        "remove",
        "Remove an engine's environment; voices and takes stay",
        run_remove,
        examples=["demod-voice engines remove piper"],
    )
    remove.add_argument("name", metavar="NAME", help="engine")
    info = command(
        commands,
        "info",
        "What an engine can do, its licence and its size",
        run_info,
        examples=["demod-voice engines info espeak"],
    )
    info.add_argument("name", metavar="NAME", help="engine")
    _register_check(commands)


def _register_check(commands: argparse._SubParsersAction[Parser]) -> None:
    check = command(
        commands,
        "check",
        "Drive an engine through the protocol's conformance suite",
        run_check,
        examples=["demod-voice engines check espeak", "demod-voice engines check piper --model voice.onnx"],
        description="Start, work, cancel, bad input, end of input, crash: for authors of engines, and when one misbehaves.",
    )
    check.add_argument("name", metavar="NAME", help="engine")
    check.add_argument("--model", metavar="PATH", help="model to load, for engines that have none of their own")
    check.add_argument("--voice", metavar="NAME", help="voice that speaks")


def run_list(_args: argparse.Namespace, app: App) -> None:
    """Print a line for each engine."""
    from demod_voice.api.engines import list_engines
    from demod_voice.cli.output import table

    found = list_engines(settings=app.settings)
    rows = [(each.info.name, each.state.value, each.info.version, each.info.summary) for each in found]
    data = [{"name": name, "state": state, "version": version, "summary": text} for name, state, version, text in rows]
    app.emit(data, text=table(rows, ("engine", "state", "version", "what")))


def run_install(args: argparse.Namespace, app: App) -> None:
    """Install each engine."""
    from demod_voice.api.engines import install_engine

    done = [install_engine(name, settings=app.settings, progress=app.progress, again=args.again) for name in args.name]
    app.close()
    lines = [f"engine {each.info.name} is {each.state.value}: {each.environment}" for each in done]
    app.emit([{"name": each.info.name, "state": each.state.value} for each in done], text="\n".join(lines))


def run_remove(args: argparse.Namespace, app: App) -> None:
    """Remove the environment."""
    from demod_voice.api.engines import remove_engine
    from demod_voice.api.episodes import format_size

    freed = remove_engine(args.name, settings=app.settings)
    app.emit({"freed_bytes": freed}, text=f"{format_size(freed)} freed")


def run_info(args: argparse.Namespace, app: App) -> None:
    """Print everything that engine.toml says."""
    from demod_voice.api.engines import engine_status
    from demod_voice.cli.output import plain

    found = engine_status(args.name, settings=app.settings)
    facts = {**plain(found.info), "state": found.state.value, "environment": str(found.environment)}
    shown = [f"{key:20} {_shown(value)}" for key, value in facts.items() if value not in ("", [], None)]
    app.emit(facts, text="\n".join(shown))


def run_check(args: argparse.Namespace, app: App) -> int:
    """Print the findings; 4 when one failed."""
    from demod_voice.api.engines import check_engine, failed_findings, finding_lines

    findings = check_engine(
        args.name, settings=app.settings, progress=app.progress, model=args.model, preset=args.voice
    )
    app.close()
    app.emit(findings, text="\n".join(finding_lines(findings)))
    return 4 if failed_findings(findings) else 0


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
