"""``demod-voice config``: show, check and change the settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from demod_voice.cli.app import App, Parser, command


def register(parser: Parser) -> None:
    """Add the commands of the group."""
    commands = parser.add_subparsers()
    show = command(
        commands,
        "show",
        "Show every setting in force, and where it comes from",
        run_show,
        ["demod-voice config show", "demod-voice config show episode.pauses", "demod-voice config show --json"],
    )
    show.add_argument("key", nargs="?", default="", help="only this key or section")
    get = command(
        commands, "get", "Print the value of one setting", run_get, ["demod-voice config get loudness.mono_lufs"]
    )
    get.add_argument("key", help="dotted name")
    change = command(
        commands,
        "set",
        "Change one setting in the settings file",
        run_set,
        ["demod-voice config set seed 7", "demod-voice config set engines.search_path '[/srv/engines]'"],
        description="Change one setting in the settings file. Comments and all else in the file stay.",
    )
    change.add_argument("key", help="dotted name")
    change.add_argument("value", help="new value; after -- when it starts with a dash")
    init = command(
        commands,
        "init",
        "Write a commented settings file to start from",
        run_init,
        ["demod-voice config init", "demod-voice config init --config ./show.yaml"],
    )
    init.add_argument("--force", action="store_true", help="replace a file that exists")
    check = command(
        commands,
        "check",
        "Check the settings, and report every fault at once",
        run_check,
        ["demod-voice config check", "demod-voice config check show.yaml"],
    )
    check.add_argument("file", nargs="?", help="check this file alone; without it, all that is in force")
    path = command(
        commands,
        "path",
        "Print where the settings file is",
        run_path,
        ['"$EDITOR" "$(demod-voice config path)"', "demod-voice config path --all"],
    )
    path.add_argument("--all", action="store_true", help="also the folders of data, cache and state")


def run_show(args: argparse.Namespace, app: App) -> None:
    """Print each setting with its origin."""
    from demod_voice.api.config import list_settings
    from demod_voice.cli.output import table

    settings = list_settings(app.loaded, args.key)
    data = {each.key: {"value": each.value, "origin": each.origin} for each in settings}
    app.emit(data, table([(each.key, _text(each.value), each.origin) for each in settings]))


def run_get(args: argparse.Namespace, app: App) -> None:
    """Print one value, bare."""
    from demod_voice.api.config import get_setting

    value = get_setting(app.loaded, args.key).value
    app.emit(value, "\n".join(value) if isinstance(value, tuple) else _bare(value))


def run_set(args: argparse.Namespace, app: App) -> None:
    """Save one value."""
    from demod_voice.api.config import set_setting

    path = set_setting(args.key, args.value, app.flags.config)
    app.emit({"path": path, "key": args.key}, None)
    app.note(f"{args.key} = {args.value} is saved in {path}")


def run_init(args: argparse.Namespace, app: App) -> None:
    """Write the commented file."""
    from demod_voice.api.config import init_settings_file

    path = init_settings_file(app.flags.config, args.force)
    app.emit({"path": path}, str(path))


def run_check(args: argparse.Namespace, app: App) -> None:
    """Check one file, or everything that is in force."""
    from demod_voice.api.config import check_settings_file

    if args.file is not None:
        count, place = check_settings_file(args.file), args.file
    else:
        count = sum(origin != "default" for origin in app.loaded.origins.values())
        place = str(app.loaded.path)
    told = f"{place}: ok, {count} set"
    if not Path(place).exists():
        told = f"{place}: no settings file; " + (f"{count} set elsewhere" if count else "all defaults")
    app.emit({"ok": True, "path": place, "settings": count}, told)


def run_path(args: argparse.Namespace, app: App) -> None:
    """Print the settings file's path, or all folders."""
    from demod_voice.api.config import folders
    from demod_voice.cli.output import table

    found = folders(app.flags.config)
    rows = [("settings", found.settings), ("data", found.data), ("cache", found.cache), ("state", found.state)]
    app.emit(found, table(rows) if args.all else str(found.settings))


def _text(value: Any) -> str:
    """A value as it stands in the file."""
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return _bare(value) or "''"


def _bare(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
