"""How loud each voice of an episode is, and the gain that it gets: spoken lines and recordings apart.

A person's recordings have levels of their own, so each file of a speaker is levelled by itself, and comes out as loud as
what an engine speaks for him.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demod_voice.episode.plan import Plan, PlannedLine
from demod_voice.formats.mix_spec import MixSpec
from demod_voice.mix.ahead import in_order
from demod_voice.mix.speaker_level import SpeechLevel, matching_gains, speech_level
from demod_voice.mix.voice_chain import ChainSettings
from demod_voice.records.hashing import hash_json
from demod_voice.records.steps import RunFolder, Step
from demod_voice.speech.studio import Take

LEVEL_VERSION = 2


@dataclass(frozen=True, slots=True)
class Origin:
    """What shares one gain: all that an engine speaks for a speaker, or all that one recording has of him."""

    speaker: str
    recording: str = ""
    """SHA-256 of the recording's file; empty for synthetic speech."""


def origin_of(line: PlannedLine, take: Take) -> Origin:
    """Where a line's sound comes from."""
    return Origin(line.speaker, take.model_revision if line.recorded else "")


def levels_of(
    plan: Plan, takes: Sequence[Take], chain: ChainSettings, run: RunFolder, folder: Path
) -> dict[Origin, SpeechLevel]:
    """The level of each origin, in the order in which they are first heard.

    Measured again only when something of what is said, or the chain, has changed.

    Args:
        plan: the episode.
        takes: of its lines, in its order.
        chain: what a voice goes through before it is measured.
        run: keeps what was measured.
        folder: of the takes.
    """
    said: dict[Origin, list[Take]] = {}
    for line, take in zip(plan.lines, takes, strict=True):
        said.setdefault(origin_of(line, take), []).append(take)

    def level(item: tuple[Origin, list[Take]]) -> SpeechLevel:
        origin, spoken = item
        inputs = {f"{number:06d}": each.sha256 for number, each in enumerate(spoken)}
        clips = [folder / each.path.name for each in spoken]
        name = f"level.{hash_json([origin.speaker, origin.recording])[:16]}"
        step = Step(name, LEVEL_VERSION, (), inputs, {"chain": asdict(chain)})

        def make(_: Mapping[str, Path], clips: Sequence[Path] = clips) -> Mapping[str, Any]:
            return asdict(speech_level(clips, chain))

        return SpeechLevel(**run.run(step, make).facts)

    return dict(zip(said, in_order(level, said.items()), strict=True))


def gains_of(plan: Plan, levels: Mapping[Origin, SpeechLevel], mix: MixSpec) -> dict[Origin, float]:
    """The gain in dB of each origin; a speaker's wish holds for his recordings too."""
    wishes = {each: plan.voices[each.speaker].volume_db for each in levels if each.speaker in plan.voices}
    return matching_gains(levels, wishes, mix.match_levels)
