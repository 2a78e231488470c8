"""``demod-voice cache``: the speech cache's size, and making it smaller."""

from __future__ import annotations

import argparse

from demod_voice.cli.app import App, Parser, command


def register(parser: Parser) -> None:
    """Declare ``cache info|prune|clear``."""
    commands = parser.add_subparsers()
    command(commands, "info", "Show where the speech cache is and how full", _info, ["demod-voice cache info"])
    prune = command(
        commands,
        "prune",
        "Remove the least recently used takes",
        _prune,
        ["demod-voice cache prune", "demod-voice cache prune --max-size 500MB"],
    )
    prune.add_argument("--max-size", metavar="SIZE", default="", help="what may stay (default: cache.max_size)")
    command(
        commands,
        "clear",
        "Remove every take from the cache",
        _clear,
        ["demod-voice cache clear"],
        description="Remove every take from the cache. Harmless at any moment: episodes keep their own takes.",
    )


def _info(_: argparse.Namespace, app: App) -> None:
    from demod_voice.api.cache import cache_info, format_size

    info = cache_info(settings=app.settings)
    used = f"{info.takes} takes, {format_size(info.num_bytes)} of {format_size(info.max_bytes)}"
    off = "" if info.enabled else "\nswitched off (cache.enabled)"
    app.emit(info, f"{info.folder}\n{used}{off}")


def _prune(args: argparse.Namespace, app: App) -> None:
    from demod_voice.api.cache import format_size, prune_cache

    freed = prune_cache(args.max_size, settings=app.settings)
    app.emit(freed, f"removed {freed.takes} takes, {format_size(freed.num_bytes)}")


def _clear(_: argparse.Namespace, app: App) -> None:
    from demod_voice.api.cache import clear_cache, format_size

    freed = clear_cache(settings=app.settings)
    app.emit(freed, f"removed {freed.takes} takes, {format_size(freed.num_bytes)}")
