"""The speech cache: how large it is, prune it, clear it."""

from __future__ import annotations

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.errors import UsageError
from demod_voice.speech.cache import CacheInfo, Freed, SpeechCache
from demod_voice.units import format_size, parse_size

__all__ = ["CacheInfo", "Freed", "cache_info", "clear_cache", "format_size", "prune_cache"]


def cache_info(*, settings: Settings = DEFAULTS) -> CacheInfo:
    """Where the speech cache is, how many takes it holds, and its bound."""
    return SpeechCache(settings).info()


def prune_cache(max_size: str = "", *, settings: Settings = DEFAULTS) -> Freed:
    """Remove the least recently used takes until ``max_size`` (``500MB``; default: ``cache.max_size``) is left.

    Raises:
        UsageError: ``max_size`` is not a size.
    """
    try:
        limit = parse_size(max_size) if max_size else None
    except ValueError as error:
        raise UsageError(str(error)) from error
    return SpeechCache(settings).prune(limit)


def clear_cache(*, settings: Settings = DEFAULTS) -> Freed:
    """Remove every take from the cache. Harmless at any moment: episodes keep their own takes."""
    return SpeechCache(settings).clear()
