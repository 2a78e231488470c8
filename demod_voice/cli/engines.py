"""``engines``: list, install, remove, inspect and check speech engines."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demod_voice.cli.app import App, Parser, command

if TYPE_CHECKING:
    from demod_voice.api.engines import EngineStatus


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
    _register_making(commands)
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


def _register_making(commands: argparse._SubParsersAction[Parser]) -> None:
    install = command(
        commands,
        "install",
        "Make an engine's environment, or repair it",
        run_install,
        examples=[
            "demod-voice engines install piper",
            "demod-voice engines install xtts --device cuda",
            "demod-voice engines install xtts --from /media/usb/xtts",
        ],
        description="Pip makes it, from where the user's pip configuration says, with every package's hash checked.",
    )
    install.add_argument("name", metavar="NAME", nargs="+", help="engines to install")
    install.add_argument("--again", action="store_true", help="make it anew even when it is whole")
    _device(install)
    install.add_argument(
        "--from", dest="bundle", metavar="DIR", type=Path, help="take all from an `engines bundle`: no network"
    )
    _into(install)
    upgrade = command(
        commands,
        "upgrade",
        "Make environments again that are out of date",
        run_upgrade,
        examples=["demod-voice engines upgrade", "demod-voice engines upgrade xtts"],
    )
    upgrade.add_argument("name", metavar="NAME", nargs="*", help="engines (default: all that are installed)")
    _into(upgrade)
    bundle = command(
        commands,
        "bundle",
        "Download an engine's packages for a machine without a network",
        run_bundle,
        examples=["demod-voice engines bundle xtts -o /media/usb/xtts"],
        description="For this platform and this version of Python; there, `engines install NAME --from DIR` takes it.",
    )
    bundle.add_argument("name", metavar="NAME", help="engine")
    bundle.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="folder to make")
    _device(bundle)


def _device(parser: Parser) -> None:
    parser.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "rocm"],
        default="auto",
        help="build of torch (default: auto, the one that pip's configuration offers)",
    )


def _into(parser: Parser) -> None:
    parser.add_argument(
        "--into", metavar="DIR", type=Path, help="in a folder for all users of this machine (setting engines.shared)"
    )


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
    heads = ("engine", "state", "size", "build", "version", "what")
    rows = [
        (each.info.name, each.state.value, _size(each), each.device, each.info.version, each.info.summary)
        for each in found
    ]
    app.emit([_facts(each) for each in found], text=table(rows, heads))


def run_install(args: argparse.Namespace, app: App) -> None:
    """Install each engine."""
    from demod_voice.api.engines import install_engine

    done = [
        install_engine(
            name,
            settings=app.settings,
            progress=app.progress,
            again=args.again,
            device=args.device,
            bundle=args.bundle,
            into=args.into,
        )
        for name in args.name
    ]
    app.close()
    lines = [f"engine {each.info.name} is {each.state.value}: {each.environment}" for each in done]
    app.emit([_facts(each) for each in done], text="\n".join(lines))


def run_upgrade(args: argparse.Namespace, app: App) -> None:
    """Upgrade each engine."""
    from demod_voice.api.engines import upgrade_engines

    done = upgrade_engines(args.name, settings=app.settings, progress=app.progress, into=args.into)
    app.close()
    lines = [f"engine {each.name} was made again: {', '.join(each.changes)}" for each in done if each.changes]
    app.emit(done, text="\n".join(lines) or "every environment is up to date")


def run_bundle(args: argparse.Namespace, app: App) -> None:
    """Download the packages."""
    from demod_voice.api.engines import bundle_engine

    made = bundle_engine(args.name, args.output, settings=app.settings, progress=app.progress, device=args.device)
    app.close()
    facts = {"folder": str(made.folder), "device": made.choice.device, "bytes": made.num_bytes}
    app.emit(facts, text=f"there, run: demod-voice engines install {args.name} --from {made.folder}")


def run_remove(args: argparse.Namespace, app: App) -> None:
    """Remove the environment."""
    from demod_voice.api.engines import remove_engine
    from demod_voice.api.episodes import format_size

    freed = remove_engine(args.name, settings=app.settings)
    app.emit({"freed_bytes": freed}, text=f"{format_size(freed)} freed")


def run_info(args: argparse.Namespace, app: App) -> None:
    """Print everything that engine.toml says, and what there is."""
    from demod_voice.api.engines import engine_status
    from demod_voice.cli.output import plain

    found = engine_status(args.name, settings=app.settings)
    own = {"environment": str(found.environment), "python": found.python, "model": found.model}
    facts = {**plain(found.info), **_facts(found), **own}
    shown = [
        f"{key:20} {_shown(value)}"
        for key, value in facts.items()
        if value not in ("", [], None, {}) and key != "options"
    ]
    shown += [f"{f'option {name}':20} {_option(option)}" for name, option in facts["options"].items()]
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


def _facts(found: EngineStatus) -> dict[str, Any]:
    """What ``--json`` says of each."""
    return {
        "name": found.info.name,
        "state": found.state.value,
        "version": found.info.version,
        "summary": found.info.summary,
        "bytes": found.num_bytes,
        "build": found.device,
        "torch_version": found.torch,
        "fault": found.fault,
    }


def _size(found: EngineStatus) -> str:
    from demod_voice.api.episodes import format_size

    if found.num_bytes:
        return format_size(found.num_bytes)
    return f"({found.info.install_mb} MB)" if found.info.install_mb and found.state.value == "missing" else ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _option(option: dict[str, Any]) -> str:
    choices = f" (one of {', '.join(option['choices'])})" if option["choices"] else ""
    return f"{option['default']}{choices}: {option['doc']}"
