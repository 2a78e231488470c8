"""Where things live on disk: the XDG folders (XDG Base Directory Specification 0.8), read at each call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

NAME = "demod-voice"


def config_folder(environ: Mapping[str, str] | None = None) -> Path:
    """``$XDG_CONFIG_HOME/demod-voice``: the settings file."""
    return _xdg("XDG_CONFIG_HOME", ".config", environ)


def data_folder() -> Path:
    """``$XDG_DATA_HOME/demod-voice``: engines, models, voices, series."""
    return _xdg("XDG_DATA_HOME", ".local/share")


def cache_folder() -> Path:
    """``$XDG_CACHE_HOME/demod-voice``: the speech cache; safe to delete at any moment."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def engine_cache(name: str) -> Path:
    """What an engine's worker keeps between runs and can make again (speaker latents); safe to delete at any moment."""
    return cache_folder() / "engines" / name


def state_folder() -> Path:
    """``$XDG_STATE_HOME/demod-voice``: run logs."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def _xdg(variable: str, fallback: str, environ: Mapping[str, str] | None = None) -> Path:
    environ = os.environ if environ is None else environ
    value = environ.get(variable, "")
    base = Path(value) if value.startswith("/") else Path(environ.get("HOME") or Path.home()) / fallback
    return base / NAME
