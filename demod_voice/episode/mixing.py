"""From takes to the master: levels, time line, scene, premix and master, each a step of the run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.config.settings import Settings
from demod_voice.episode.levelling import Origin, gains_of, levels_of
from demod_voice.episode.plan import Plan
from demod_voice.episode.sounds import Sound, read_sounds
from demod_voice.episode.staging import Staged, chain_of, lead_in, lead_out, scene_of
from demod_voice.episode.targets import Target
from demod_voice.episode.timing import Stage, Timing, arrange
from demod_voice.formats.mix_spec import MixSpec
from demod_voice.mix.master import MasterReport, master
from demod_voice.mix.mixdown import mixdown
from demod_voice.mix.scene import Scene
from demod_voice.mix.speaker_level import SpeechLevel
from demod_voice.records.progress import Progress
from demod_voice.records.steps import RunFolder, Step
from demod_voice.speech.studio import Take

MIX_VERSION = 3
MASTER = "master.wav"
TAKES = "takes"


@dataclass(frozen=True, slots=True)
class Mixing:
    """An episode before it is summed: what ``stage`` makes, and what the mix and the stems are made from."""

    plan: Plan
    takes: tuple[Take, ...]
    timing: Timing
    scene: Scene
    target: Target
    levels: Mapping[Origin, SpeechLevel]
    gains_db: Mapping[Origin, float]
    sounds: Mapping[Path, Sound]


@dataclass(frozen=True, slots=True)
class Mixed:
    """A finished master."""

    path: Path
    sha256: str
    report: MasterReport


def stage(
    plan: Plan,
    takes: Sequence[Take],
    mix: MixSpec,
    target: Target,
    run: RunFolder,
    settings: Settings,
    progress: Progress,
    starts_s: Mapping[str, float] | None = None,
) -> Mixing:
    """Decode the sounds, level the voices, lay the time line.

    Args:
        plan: the episode.
        takes: of its lines, in its order.
        mix: how it is mixed.
        target: what it is mastered to; its rate and channels are the scene's.
        run: keeps what was decoded and measured.
        settings: fades and pauses.
        progress: told how far the work is.
        starts_s: line id -> second, for lines whose place was decided by hand.

    Raises:
        MediaError: a sound cannot be used.
    """
    rate, folder = target.sample_rate, plan.folder
    effects = {each.path: folder / each.path for each in plan.effects}
    files = [*(Path(each) for each in mix.files), *effects.values()]
    sounds = read_sounds(files, run, rate, settings.limits, progress)
    levels = levels_of(plan, takes, chain_of(mix), run, run.path / TAKES)
    gains_db = gains_of(plan, levels, mix)
    timing = arrange(
        plan,
        takes,
        settings.episode,
        Stage(
            sample_rate=rate,
            lead_in=lead_in(mix, sounds, rate),
            effect_lengths={name: sounds[path].num_samples for name, path in effects.items()},
            starts={name: round(second * rate) for name, second in (starts_s or {}).items()},
        ),
    )
    timing = replace(timing, num_samples=timing.num_samples + lead_out(mix, sounds, rate))
    staged = Staged(plan, timing, mix, gains_db, sounds, folder, target.lufs, target.num_channels, target.room_dbfs)
    scene = scene_of(staged, run.path / TAKES, settings.episode)
    return Mixing(plan, tuple(takes), timing, scene, target, levels, gains_db, sounds)


def mix_and_master(mixing: Mixing, run: RunFolder, progress: Progress, name: str = MASTER) -> Mixed:
    """Sum and master in one step; the float premix is a temporary file and is not kept."""
    target = mixing.target
    step = Step(
        name=f"mix.{name}",
        version=MIX_VERSION,
        outputs=(name,),
        inputs=_inputs(mixing),
        params={"scene": _described(mixing), "target": asdict(target), "seed": mixing.plan.seed},
    )

    def make(paths: Mapping[str, Path]) -> Mapping[str, Any]:
        premix = paths[name].with_name(paths[name].name + ".premix.wav")
        try:
            before = mixdown(mixing.scene, premix)
            lufs = target.lufs
            if target.rms_dbfs is not None:
                lufs = before.report.lufs + target.rms_dbfs - before.report.rms_dbfs
            report = master(premix, paths[name], lufs, target.true_peak_dbtp, mixing.plan.seed, before)
        finally:
            premix.unlink(missing_ok=True)
        return asdict(report)

    progress.start("mix", 1)
    record = run.run(step, make)
    progress.finish("mix")
    return Mixed(run.path / name, record.hashes[name], MasterReport(**record.facts))


def _inputs(mixing: Mixing) -> dict[str, str]:
    takes = {f"take {number:06d}": each.sha256 for number, each in enumerate(mixing.takes)}
    return takes | {f"sound {number}": each.sha256 for number, each in enumerate(mixing.sounds.values())}


def _described(mixing: Mixing) -> dict[str, Any]:
    """The scene as JSON, content in place of paths."""
    names = {each.path.name: each.sha256 for each in mixing.takes}
    scene = asdict(mixing.scene)
    for track in scene["tracks"]:
        for clip in track["placements"]:
            file = Path(clip["path"]).name
            clip["path"] = names.get(file, file)
    return scene
