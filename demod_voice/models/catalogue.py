"""Every model that is known: of the engines on this machine, and the user's own ``models.toml``."""

from __future__ import annotations

from difflib import get_close_matches

from demod_voice.config.folders import config_folder
from demod_voice.config.settings import Settings
from demod_voice.engines.locate import find_engines
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.models.entries import FILE, ModelEntry, read_entries


def find_entries(settings: Settings) -> dict[str, ModelEntry]:
    """Every model by name, in alphabetical order. An engine brings its own; the user's file wins over them.

    Raises:
        FaultsError: a models.toml or an engine.toml is wrong, or a model is of no engine.
    """
    engines = find_engines(settings)
    found: dict[str, ModelEntry] = {}
    for info in engines.values():
        if (info.folder / FILE).is_file():
            for entry in read_entries(info.folder / FILE, info.name):
                found.setdefault(entry.name, entry)
    own = config_folder() / FILE
    if own.is_file():
        entries = read_entries(own)
        strange = [each for each in entries if each.engine not in engines]
        if strange:
            raise FaultsError(str(own), [Fault(None, f"{each.name}: no engine {each.engine!r}") for each in strange])
        found |= {each.name: each for each in entries}
    return dict(sorted(found.items()))


def entry(name: str, settings: Settings) -> ModelEntry:
    """One model.

    Raises:
        UsageError: there is none of that name; the nearest are told.
    """
    found = find_entries(settings)
    if name in found:
        return found[name]
    close = get_close_matches(name, found, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(close)}? All: demod-voice models list" if close else "see: demod-voice models list"
    raise UsageError(f"there is no model {name!r} in the registry", hint)
