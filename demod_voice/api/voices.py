"""Voices: list, audition, add, show, rename, remove, export, import."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from demod_worker.messages import LoadResult, Voice

from demod_voice.api.references import foreign_voices
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.engines.environments import USABLE, state
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.locate import find_engines
from demod_voice.engines.pool import Pool
from demod_voice.errors import DemodError, Fault, ModelMissing, UsageError
from demod_voice.media.wav import read_wav
from demod_voice.models.installed import installed
from demod_voice.records.atomic import output_error, replacing
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.guards import peak_dbfs
from demod_voice.speech.studio import LineJob, Studio
from demod_voice.voices.adding import NewVoice
from demod_voice.voices.archive import ArchiveReport
from demod_voice.voices.resolve import ResolvedVoice, can_be_pulled, resolve
from demod_voice.voices.saved import SavedVoice
from demod_voice.voices.store import AddReport, VoiceStore
from demod_voice.voices.stored import changed

__all__ = [
    "AUDITION_TEXT",
    "MOST_AUDITIONED",
    "AddReport",
    "Audition",
    "NewVoice",
    "SavedVoice",
    "VoiceList",
    "add_voice",
    "audition_voices",
    "damaged_files",
    "export_voice",
    "import_voice",
    "list_voices",
    "remove_voice",
    "rename_voice",
    "show_voice",
]

AUDITION_TEXT = "The quick brown fox jumps over the lazy dog, and then she asks: shall we begin?"
"""Every letter, a pause, and a question."""
MOST_AUDITIONED = 24
"""Presets of one engine that are auditioned unless more are asked for; espeak alone has 140, each in 104 variants."""
ARCHIVE_SUFFIX = ".voice"


@dataclass(frozen=True, slots=True)
class VoiceList:
    """Everything that can speak."""

    saved: tuple[SavedVoice, ...]
    models: tuple[Path, ...]
    """Piper models in the voices folder; the stem is the voice's name."""
    presets: tuple[str, ...]
    """The asked engine's own voices; one that begins with ``+`` is a variant of any other."""
    titles: Mapping[str, str]
    """Preset -> what a person calls it, where the engine says so."""
    engine: str
    """The engine that was asked, or empty."""
    broken: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Audition:
    """One voice, heard."""

    voice: str
    engine: str
    path: Path | None
    """The WAV, or None when it could not speak."""
    duration_s: float = 0.0
    peak_dbfs: float = 0.0
    error: str = ""


def list_voices(engine: str = "", *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> VoiceList:
    """The saved voices; with ``engine``, only that engine's and the voices that it brings along.

    Raises:
        EngineError: the engine is not installed or does not start.
    """
    contents = VoiceStore(settings).contents()
    saved = tuple(each for each in contents.voices if not engine or each.record.engine == engine)
    models = contents.models if engine in ("", "piper") else ()
    offered = LoadResult()
    if engine and not find_engine(engine, settings).needs_model:
        with Pool(settings, jobs=1, progress=progress) as pool:
            offered = pool.load(engine)
    return VoiceList(saved, models, tuple(offered.voices), offered.titles, engine, contents.broken)


def add_voice(new: NewVoice, *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> AddReport:
    """Save a voice. An engine that is installed is asked whether it has the preset.

    Raises:
        FaultsError: everything that is wrong with it, at once; nothing was saved.
        EngineError: the engine that is to be asked does not start.
        OutputError: the voices folder cannot be written.
    """
    given = [*new.references, new.model, new.adapter, new.consent_file]
    new = _with_pulled_model(new, settings)
    check_inside([path for path in given if path is not None], settings.paths.allowed_roots)
    added = VoiceStore(settings).add(new, _preset_faults(new, settings, progress))
    clips = [Path(path) for path in added.voice.for_engine().references]
    more = foreign_voices(clips, [str(path) for path in new.references], settings, progress)
    return replace(added, warnings=(*added.warnings, *more))


def _with_pulled_model(new: NewVoice, settings: Settings) -> NewVoice:
    """``--model NAME`` of a model that was pulled: its file, and its licence where none is said."""
    if new.model is None or new.model.exists():
        return new
    pulled = installed(str(new.model), settings)
    if pulled is None and can_be_pulled(str(new.model), settings):
        raise UsageError(f"model {new.model} is not on this machine", f"run: demod-voice models pull {new.model}")
    if pulled is None or pulled.record.engine != new.engine:
        return new
    return replace(new, model=pulled.path, licence=new.licence or pulled.record.licence)


def _preset_faults(new: NewVoice, settings: Settings, progress: Progress) -> list[Fault]:
    """What the engine says of the preset; one that is not installed is not installed for the question."""
    info = find_engines(settings).get(new.engine)
    if new.preset is None or info is None or state(info, settings) not in USABLE:
        return []
    voice = ResolvedVoice(new.name, info, Voice(preset=new.preset))
    with Pool(settings, jobs=1, progress=progress) as pool:
        return voice.verify(pool)


def show_voice(name: str, *, settings: Settings = DEFAULTS) -> SavedVoice:
    """A saved voice.

    Raises:
        UsageError: there is none of that name; names the nearest.
    """
    return VoiceStore(settings).show(name)


def damaged_files(voice: SavedVoice) -> list[str]:
    """Files of a voice that are gone, or no longer the bytes that were added."""
    record = voice.record
    found = [name for stored in (record.model, record.adapter) if stored for name in changed(stored, voice.folder)]
    gone = [name for name in voice.missing_files() if name not in found]
    return found + gone


def rename_voice(name: str, new_name: str, *, settings: Settings = DEFAULTS) -> SavedVoice:
    """Give a saved voice another name; takes that it spoke stay finished.

    Raises:
        UsageError: there is no such voice, or the new name is not allowed or taken.
    """
    return VoiceStore(settings).rename(name, new_name)


def remove_voice(name: str, *, settings: Settings = DEFAULTS) -> None:
    """Delete a saved voice.

    Raises:
        UsageError: there is no such voice.
    """
    VoiceStore(settings).remove(name)


def export_voice(name: str, output: str | Path = "", *, settings: Settings = DEFAULTS) -> ArchiveReport:
    """Pack a voice into one ``.voice`` file (default: ``NAME.voice`` here).

    Raises:
        UsageError: there is no such voice, or a file of it is gone or changed.
        OutputError: the file cannot be written.
    """
    out = Path(output) if str(output) else Path(name + ARCHIVE_SUFFIX)
    check_inside([out], settings.paths.allowed_roots)
    return VoiceStore(settings).export(name, out)


def import_voice(archive: str | Path, name: str = "", *, settings: Settings = DEFAULTS) -> SavedVoice:
    """Save the voice in a ``.voice`` file.

    Raises:
        UsageError: the file is unsafe, damaged or no voice, or the name is taken; nothing was saved.
        OutputError: the voices folder cannot be written.
    """
    check_inside([Path(archive)], settings.paths.allowed_roots)
    return VoiceStore(settings).import_(Path(archive), name)


def audition_voices(
    names: Sequence[str],
    folder: str | Path,
    *,
    engine: str = "",
    text: str = AUDITION_TEXT,
    language: str = "",
    most: int = MOST_AUDITIONED,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> list[Audition]:
    """The same sentence in several voices, a WAV each.

    Args:
        names: saved voices, models or presets; none = every voice of ``engine``, at most ``most``.
        folder: where the WAV files go; made when missing.
        engine: the engine of presets; empty for the default.
        text: what they say.
        language: BCP 47, or empty for each voice's own.
        most: how many when no names are given.
        settings: engines, seed, cache.
        progress: told how far it is.

    Raises:
        UsageError: a name is wrong (each is told), or there is nothing to audition.
        EngineError: the engine whose voices are wanted does not start.
        OutputError: the folder cannot be written.
    """
    target = Path(folder)
    check_inside([target], settings.paths.allowed_roots)
    voices = _auditioned(names or _offered(engine, language, most, settings, progress), engine, settings)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(target, error) from error
    heard: list[Audition] = []
    progress.start("audition", len(voices), "voices")
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as temporary, Studio(settings, progress=progress) as studio:
        for voice in voices:
            tongue = language or voice.language or settings.language
            job = LineJob("audition", text, voice, tongue, settings.seed)
            heard.append(_audition(studio, job, Path(temporary), target))
            progress.advance("audition")
    progress.finish("audition")
    return heard


def _offered(engine: str, language: str, most: int, settings: Settings, progress: Progress) -> list[str]:
    """The first ``most`` voices of an engine, saved ones first; with a language, its presets for that language."""
    found = list_voices(engine or settings.engines.default, settings=settings, progress=progress)
    wanted = language.replace("_", "-").split("-")[0].lower()
    presets = [each for each in found.presets if not each.startswith("+")]
    fitting = [each for each in presets if re.split(r"[-_]", each)[0].lower() == wanted]
    names = [each.name for each in found.saved] + [path.stem for path in found.models]
    names += fitting or presets
    if not names:
        raise UsageError(f"engine {found.engine} names no voices", "name the voices to audition")
    return names[:most]


def _auditioned(names: Sequence[str], engine: str, settings: Settings) -> list[ResolvedVoice]:
    voices, wrong = [], []
    for name in names:
        try:
            voices.append(resolve(settings, voice=name, engine=engine))
        except (UsageError, ModelMissing) as error:
            wrong.append(error.message + (f" ({error.hint})" if error.hint else ""))
    if wrong:
        raise UsageError("\n".join(wrong))
    return voices


def _audition(studio: Studio, job: LineJob, temporary: Path, target: Path) -> Audition:
    """Speak and copy; a voice that cannot speak is a row with its error, and the others go on."""
    voice = job.voice
    try:
        wrong = voice.verify(studio.pool, job.language)
        if wrong:
            raise UsageError(wrong[0].message, wrong[0].hint)
        take = studio.speak(job, temporary)
    except DemodError as error:
        return Audition(voice.name, voice.engine.name, None, error=error.message.splitlines()[0])
    path = target / (re.sub(r"[^A-Za-z0-9+_-]+", "_", voice.name) + ".wav")
    with replacing(path) as out:
        shutil.copyfile(take.path, out)
    clip = read_wav(path)
    return Audition(voice.name, voice.engine.name, path, round(clip.duration_s, 3), round(peak_dbfs(clip), 1))
