"""The tracks of a show as files that add up to it: one for each speaker and bed, the effects and the room."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.mixing import mix_and_master, stage
from demod_voice.episode.production import RenderOptions, produce, speak
from demod_voice.errors import UsageError
from demod_voice.mix.mixdown import ROOM, mixdown
from demod_voice.mix.scene import Scene
from demod_voice.records.atomic import output_error
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.records.steps import RunFolder

WORK = ".demod"


def write_stems(
    script: Path, folder: Path, settings: Settings, options: RenderOptions, progress: Progress = SILENT
) -> list[Path]:
    """Speak and mix a script, and write each track as a float WAV as long as the show.

    They have the level of the finished show before its limiter, so their sum is the show wherever it was not limited.

    Args:
        script: as for a render.
        folder: made when missing; the work is kept in a hidden folder inside.
        settings: as for a render.
        options: mix, preset and timing.
        progress: told how far the work is.

    Raises:
        UsageError, FaultsError: the script, its mix or the folder is wrong.
        EngineError, MediaError, OutputError: as for a render.
    """
    check_inside([folder], settings.paths.allowed_roots)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", "give a folder, as in -o stems/")
    production = produce(script, settings, options)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    with locked(folder / WORK / "lock", lambda: progress.note(f"waiting: somebody else works on {folder}")):
        run = RunFolder(folder / WORK)
        takes = speak(production, run, progress)
        mixing = stage(
            production.plan,
            takes,
            production.mix,
            production.target,
            run,
            production.settings,
            progress,
            production.starts_s,
        )
        gain_db = mix_and_master(mixing, run, progress).report.gain_db
        scene = _louder(mixing.scene, gain_db)
        names = [track.name for track in scene.tracks] + ([ROOM] if scene.room_tone_dbfs is not None else [])
        stems = _files(names, folder)
        progress.start("stems", 1)
        mixdown(scene, run.path / "premix.wav", stems)
        (run.path / "premix.wav").unlink()
        progress.finish("stems")
    return list(stems.values())


def _louder(scene: Scene, gain_db: float) -> Scene:
    """The scene with the master's gain."""
    tracks = tuple(replace(track, gain_db=track.gain_db + gain_db) for track in scene.tracks)
    room = None if scene.room_tone_dbfs is None else scene.room_tone_dbfs + gain_db
    return replace(scene, tracks=tracks, room_tone_dbfs=room)


def _files(names: list[str], folder: Path) -> dict[str, Path]:
    """A file for each track, named so that every file system takes it."""
    files: dict[str, Path] = {}
    for name in names:
        plain = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "track"
        taken = {each.name for each in files.values()}
        number = 2
        unique = plain
        while f"{unique}.wav" in taken:
            unique, number = f"{plain}-{number}", number + 1
        files[name] = folder / f"{unique}.wav"
    return files
