"""From a time line to a scene: a track for each speaker, the music, the effects, the room; levels and ducking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.config.settings import Episode
from demod_voice.episode.levelling import Origin, origin_of
from demod_voice.episode.plan import Plan
from demod_voice.episode.sounds import Sound
from demod_voice.episode.timing import CUT_S, Placed, Timing
from demod_voice.formats.mix_spec import MixSpec, Music, Sting
from demod_voice.mix.curves import LEVEL, Curve, Interval, duck
from demod_voice.mix.scene import Scene, Track
from demod_voice.mix.sources import Placement
from demod_voice.mix.speaker_level import REFERENCE_LUFS
from demod_voice.mix.voice_chain import ChainSettings
from demod_voice.units import db_from_gain

MUSIC_ATTACK_S = 0.4
"""Music goes down slowly, before the first word."""
MUSIC_RELEASE_S = 1.2
STING_DUCK_DB = -9.0
"""An intro or outro under speech; it is fading as well."""
EFFECT_FADE_S = 0.003
ROOM_CROSSFADE_S = 1.0
SILENT_DUCK_DB = -60.0
"""What ``duck_amount: 0`` is."""


@dataclass(frozen=True, slots=True)
class Staged:
    """Everything that a scene is made of."""

    plan: Plan
    timing: Timing
    mix: MixSpec
    gains_db: Mapping[Origin, float]
    sounds: Mapping[Path, Sound]
    script_folder: Path
    """Effects of the script are relative to it."""
    target_lufs: float
    num_channels: int
    room_tone_dbfs: float | None
    """RMS in the finished show."""


def chain_of(mix: MixSpec) -> ChainSettings:
    """What every voice goes through."""
    return ChainSettings(mix.high_pass_hz, mix.de_ess, mix.compressor)


def scene_of(staged: Staged, takes: Path, episode: Episode) -> Scene:
    """The scene.

    Args:
        staged: what goes into it.
        takes: folder of the takes.
        episode: fades.
    """
    timing, mix = staged.timing, staged.mix
    speech = [(each.start, each.end) for each in timing.placed]
    tracks = [*_speakers(staged, takes, episode), *_music(staged, speech), *_stings(staged, speech), *_effects(staged)]
    before_master_db = staged.target_lufs - REFERENCE_LUFS
    room = staged.room_tone_dbfs
    level = None if room is None else room - before_master_db
    if level is not None and mix.room_tone is not None and mix.room_tone.file:
        tracks.append(_room(staged, mix.room_tone.file, level))
        level = None
    return Scene(
        tracks=tuple(tracks),
        sample_rate=timing.sample_rate,
        num_samples=timing.num_samples,
        num_channels=staged.num_channels,
        room_tone_dbfs=level,
        seed=staged.plan.seed,
        pan_law=mix.pan_law,
    )


def secondary(placed: Sequence[Placed], primary: str) -> dict[str, list[Interval]]:
    """Speaker -> the stretches in which he speaks under somebody else.

    The primary speaker never gives way. Between two others a back-channel gives way; else the one who had the floor
    gives way to the one who takes it.
    """
    found: dict[str, list[Interval]] = {}
    for number, later in enumerate(placed):
        for earlier in placed[max(0, number - 8) : number]:
            if earlier.line.speaker == later.line.speaker or earlier.end <= later.start or later.end <= earlier.start:
                continue
            shared = (max(earlier.start, later.start), min(earlier.end, later.end))
            gives_way = later if later.line.source.backchannel else earlier
            other = earlier if gives_way is later else later
            if gives_way.line.speaker == primary:
                gives_way = other
            found.setdefault(gives_way.line.speaker, []).append(shared)
    return found


def _speakers(staged: Staged, takes: Path, episode: Episode) -> Iterator[Track]:
    """A track for each speaker, ducked where another one has the floor."""
    timing, mix, rate = staged.timing, staged.mix, staged.timing.sample_rate
    chain = chain_of(mix)
    under = secondary(timing.placed, mix.duck.primary)
    clips: dict[str, list[Placement]] = {}
    for number, each in enumerate(timing.placed):
        following = timing.placed[number + 1].crossfade_in if number + 1 < len(timing.placed) else 0
        clip = _clip(each, following, takes, episode, rate, chain)
        gain_db = staged.gains_db.get(origin_of(each.line, each.take), 0.0)
        clips.setdefault(each.line.speaker, []).append(replace(clip, gain_db=gain_db))
    for name, placements in clips.items():
        curve = LEVEL
        if name in under:
            attack, release = round(mix.duck.attack_s * rate), round(mix.duck.release_s * rate)
            curve = duck(under[name], mix.duck.depth_db, attack, release)
        position = mix.positions.get(name, 0.0) if staged.num_channels == 2 else None
        yield Track(name, tuple(placements), position, curve=curve)


def _clip(each: Placed, following: int, takes: Path, episode: Episode, rate: int, chain: ChainSettings) -> Placement:
    fade_s = episode.fade_ms / 1000.0
    fade_out_s = CUT_S if each.cut else following / rate if following else fade_s
    return Placement(
        path=takes / each.take.path.name,
        start_sample=each.start,
        fade_in_s=each.crossfade_in / rate if each.crossfade_in else fade_s,
        fade_out_s=fade_out_s,
        equal_power_in=bool(each.crossfade_in),
        equal_power_out=bool(following) and not each.cut,
        num_samples=each.end - each.start,
        chain=chain,
    )


def _music(staged: Staged, speech: Sequence[Interval]) -> Iterator[Track]:
    """A track for each bed: loops with crossfades, down while somebody speaks."""
    rate = staged.timing.sample_rate
    first = min((each.start for each in staged.timing.placed), default=0) if staged.mix.intro else 0
    last = (
        max((each.end for each in staged.timing.placed), default=0) if staged.mix.outro else staged.timing.num_samples
    )
    for number, bed in enumerate(staged.mix.music, 1):
        sound = staged.sounds[Path(bed.file)]
        start = first + round(bed.start_s * rate)
        end = last if bed.end_s is None else min(last, first + round(bed.end_s * rate))
        placements = _looped(sound, start, end, bed, rate)
        gain_db = REFERENCE_LUFS + bed.level_db - sound.lufs
        yield Track(f"music {number}", tuple(placements), None, gain_db, _ducked(bed, speech, rate))


def _ducked(bed: Music, speech: Sequence[Interval], rate: int) -> Curve:
    depth_db = max(SILENT_DUCK_DB, db_from_gain(bed.duck_amount))
    if depth_db == 0.0:
        return LEVEL
    return duck(speech, depth_db, round(MUSIC_ATTACK_S * rate), round(MUSIC_RELEASE_S * rate))


def _looped(sound: Sound, start: int, end: int, bed: Music, rate: int) -> Iterator[Placement]:
    """The clips of one bed: one after the other, each into the next, the last one cut at the end."""
    fade = min(round(bed.crossfade_s * rate), sound.num_samples // 4)
    at = start
    while at < end:
        length = min(sound.num_samples, end - at)
        last = not bed.loop or at + sound.num_samples - fade >= end
        yield Placement(
            path=sound.path,
            start_sample=at,
            fade_in_s=bed.fade_in_s if at == start else fade / rate,
            fade_out_s=bed.fade_out_s if last else fade / rate,
            equal_power_in=at != start,
            equal_power_out=not last,
            num_samples=length,
        )
        if last:
            return
        at += sound.num_samples - fade


def _stings(staged: Staged, speech: Sequence[Interval]) -> Iterator[Track]:
    """Intro and outro: they fade out under the first words and in under the last ones, and leave the words room."""
    rate = staged.timing.sample_rate
    for name, sting in (("intro", staged.mix.intro), ("outro", staged.mix.outro)):
        if sting is None:
            continue
        sound = staged.sounds[Path(sting.file)]
        start = 0 if name == "intro" else staged.timing.num_samples - sound.num_samples
        fade_s = max(sting.overlap_s, EFFECT_FADE_S)
        clip = Placement(
            path=sound.path,
            start_sample=max(0, start),
            fade_in_s=fade_s if name == "outro" else EFFECT_FADE_S,
            fade_out_s=fade_s if name == "intro" else EFFECT_FADE_S,
        )
        gain_db = REFERENCE_LUFS + sting.level_db - sound.lufs
        curve = duck(speech, STING_DUCK_DB, round(MUSIC_ATTACK_S * rate), round(MUSIC_RELEASE_S * rate))
        yield Track(name, (clip,), None, gain_db, curve)


def lead_in(mix: MixSpec, sounds: Mapping[Path, Sound], rate: int) -> int:
    """Samples before the first word: the intro, but for what the two share."""
    return _outside(mix.intro, sounds, rate)


def lead_out(mix: MixSpec, sounds: Mapping[Path, Sound], rate: int) -> int:
    """Samples after the last word: the outro, but for what the two share."""
    return _outside(mix.outro, sounds, rate)


def _outside(sting: Sting | None, sounds: Mapping[Path, Sound], rate: int) -> int:
    return max(0, sounds[Path(sting.file)].num_samples - round(sting.overlap_s * rate)) if sting is not None else 0


def _effects(staged: Staged) -> Iterator[Track]:
    """All effects on one track, those of the script and those at a time."""
    rate = staged.timing.sample_rate
    first = min((each.start for each in staged.timing.placed), default=0)
    wanted = [
        (staged.sounds[staged.script_folder / each.effect.path], each.start, each.effect.gain_db)
        for each in staged.timing.effects
    ]
    wanted += [
        (staged.sounds[Path(each.file)], first + round(each.at_s * rate), each.level_db) for each in staged.mix.effects
    ]
    clips = [
        Placement(
            path=sound.path,
            start_sample=start,
            fade_in_s=EFFECT_FADE_S,
            fade_out_s=EFFECT_FADE_S,
            gain_db=REFERENCE_LUFS + level_db - sound.loudest_lufs,
        )
        for sound, start, level_db in wanted
    ]
    if clips:
        yield Track("effects", tuple(clips))


def _room(staged: Staged, file: str, level_dbfs: float) -> Track:
    """A recording of a room under everything, looped."""
    sound = staged.sounds[Path(file)]
    bed = Music(file, crossfade_s=ROOM_CROSSFADE_S, fade_in_s=EFFECT_FADE_S, fade_out_s=EFFECT_FADE_S)
    clips = _looped(sound, 0, staged.timing.num_samples, bed, staged.timing.sample_rate)
    return Track("room", tuple(clips), None, level_dbfs - sound.rms_dbfs)
