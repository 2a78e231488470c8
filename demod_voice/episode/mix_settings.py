"""The mix of one episode: what its show, its script, ``--mix`` and ``--preset`` say, in this order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.errors import Fault, UsageError
from demod_voice.formats.document import place_of
from demod_voice.formats.mix_file import merged_mix, read_mix, read_mix_file
from demod_voice.formats.mix_spec import MixSpec
from demod_voice.formats.script import Script
from demod_voice.mix.presets import PRESETS, preset

LARGEST_BYTES = 1_000_000


def mix_of(
    layers: tuple[Mapping[str, Any], ...],
    file: Path | None,
    preset_name: str,
    speakers: tuple[str, ...],
    settings: Settings,
) -> MixSpec:
    """The whole mix.

    Args:
        layers: fields of the show's and the script's own mix, the stronger one last.
        file: ``mix.yaml``, or None.
        preset_name: of ``--preset``, or empty.
        speakers: names that a mix may speak of.
        settings: where files may lie.

    Raises:
        UsageError: the file does not exist, a sound file is outside the allowed roots, an unknown preset.
        FaultsError: everything that is wrong in the file.
    """
    wanted = list(layers)
    if file is not None:
        check_inside([file], settings.paths.allowed_roots)
        wanted.append(read_mix_file(file, _text(file), tuple(PRESETS), speakers))
    if preset_name:
        wanted.append({"preset": preset(preset_name).name})
    mix = merged_mix(*wanted)
    check_inside([Path(each) for each in mix.files], settings.paths.allowed_roots)
    return mix


def layers_of(script: Script, faults: list[Fault]) -> tuple[Mapping[str, Any], ...]:
    """The fields of the mixes that a script inherits and has, the stronger one last; what is wrong goes to ``faults``."""
    layers = []
    for each in script.mixes:
        own: list[Fault] = []
        place = place_of(each.values, own, "" if each.line is None else "mix", each.line)
        layers.append(read_mix(place, each.folder, tuple(PRESETS), tuple(script.speakers)))
        faults += [replace(fault, source=each.source) for fault in own]
    return tuple(layers)


def _text(file: Path) -> str:
    if not file.is_file():
        raise UsageError(f"the mix {file} does not exist" if not file.exists() else f"{file} is not a file")
    if file.stat().st_size > LARGEST_BYTES:
        raise UsageError(f"{file} is too large for a mix", "it is a YAML file of a few lines: see docs/mix.md")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text", "save it as UTF-8") from None
