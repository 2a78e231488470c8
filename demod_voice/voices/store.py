"""``VoiceStore``: the saved voices on disk, one folder each; a voice is whole or absent, whatever dies when."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from demod_voice.config.folders import data_folder
from demod_voice.config.settings import Settings
from demod_voice.errors import Fault, FaultsError, MediaError, UsageError
from demod_voice.records.atomic import TEMPORARY_MARK, abandoned, flush, output_error, write_json
from demod_voice.records.hashing import hash_file
from demod_voice.records.lock import locked
from demod_voice.voices.adding import NewVoice, faults
from demod_voice.voices.archive import ArchiveReport, pack, unpack
from demod_voice.voices.names import meant, name_fault
from demod_voice.voices.references import prepare_reference
from demod_voice.voices.saved import (
    CONSENT_FILE,
    PRESET_CONSENT,
    RECORD,
    UNSAID_CONSENT,
    Consent,
    Reference,
    SavedVoice,
    VoiceRecord,
    read_record,
)
from demod_voice.voices.stored import keep

LOCK = ".lock"
MODEL_SUFFIX = ".onnx"
ABANDONED_S = 3600.0
"""Age at which a half-made voice of a process that is not here is removed: another machine may be making it."""


@dataclass(frozen=True, slots=True)
class AddReport:
    """A voice that was saved, and what a person should look at."""

    voice: SavedVoice
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoreContents:
    """Everything in the store."""

    voices: tuple[SavedVoice, ...]
    models: tuple[Path, ...]
    """Piper models (``.onnx``) that lie in the voices folder itself."""
    broken: tuple[Fault, ...]
    """Folders that cannot be read as a voice."""


def voices_folder(settings: Settings) -> Path:
    """Where voices are kept: ``paths.voices``, else ``voices/`` in the data folder."""
    chosen = settings.paths.voices
    return Path(chosen).expanduser() if chosen else data_folder() / "voices"


class VoiceStore:
    """The voices folder. Safe for several processes at once: changes hold a lock, readers need none."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.root = voices_folder(settings)

    def contents(self) -> StoreContents:
        """Every voice, by name; a broken one is reported and hides no other."""
        voices: list[SavedVoice] = []
        broken: list[Fault] = []
        for folder in self._folders():
            try:
                voices.append(self._read(folder.name))
            except UsageError as error:
                broken.append(Fault(None, error.message, error.hint))
        models = sorted(self.root.glob(f"*{MODEL_SUFFIX}")) if self.root.is_dir() else []
        return StoreContents(tuple(voices), tuple(models), tuple(broken))

    def names(self) -> list[str]:
        """Names of all saved voices, readable or not."""
        return [folder.name for folder in self._folders()]

    def find(self, name: str) -> SavedVoice | None:
        """The voice of that name, or None.

        Raises:
            UsageError: it is there and cannot be read.
        """
        if name_fault(name) is not None or not (self.root / name / RECORD).is_file():
            return None
        return self._read(name)

    def show(self, name: str) -> SavedVoice:
        """The voice of that name.

        Raises:
            UsageError: there is none; names the nearest.
        """
        found = self.find(name)
        if found is None:
            raise UsageError(
                f"there is no voice named {name!r}", meant(name, self.names()) or "see: demod-voice voices list"
            )
        return found

    def add(self, new: NewVoice, more: Iterable[Fault] = ()) -> AddReport:
        """Save a voice: clips decoded and copied, small models copied, everything hashed.

        Args:
            new: the voice.
            more: what else is wrong with it (its engine was asked); told with all the rest.

        Raises:
            FaultsError: everything that is wrong with it, at once; nothing was saved.
            OutputError: the voices folder cannot be written.
        """
        found = [*faults(new, self.settings), *more]
        taken = self._taken(new.name)
        if taken:
            found.append(taken)
        with self._staging() as staging:
            references, warnings, unusable = self._references(new, staging)
            found += unusable
            if found:
                raise FaultsError(f"voice {new.name}", found)
            record = self._record(new, staging, references)
            self._place(staging, new.name, record)
        return AddReport(self._read(new.name), tuple(warnings))

    def rename(self, name: str, new_name: str) -> SavedVoice:
        """Give a voice another name.

        Raises:
            UsageError: there is no such voice, or the new name is not allowed or taken.
        """
        with self._changing():
            voice = self.show(name)
            wrong = name_fault(new_name)
            fault = Fault(None, wrong) if wrong else self._taken(new_name, but=name)
            if fault is not None:
                raise UsageError(fault.message, fault.hint)
            voice.folder.rename(self.root / new_name)
        return self.show(new_name)

    def remove(self, name: str) -> None:
        """Delete a voice and its files; a model that was not copied stays where it is.

        Raises:
            UsageError: there is no such voice.
        """
        if name not in self.names():
            self.show(name)
        with self._changing():
            if name not in self.names():  # another process was faster
                self.show(name)
            doomed = self._temporary()
            (self.root / name).rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def export(self, name: str, out: Path) -> ArchiveReport:
        """Pack a voice into one ``.voice`` file; the same voice gives the same bytes.

        Raises:
            UsageError: there is no such voice, or a file of it is gone or changed.
            OutputError: ``out`` cannot be written.
        """
        return pack(self.show(name), out)

    def import_(self, archive: Path, name: str = "") -> SavedVoice:
        """Save the voice in a ``.voice`` file, under ``name`` or the one it was exported with.

        Raises:
            FaultsError: everything that is wrong with the file; nothing was saved.
            UsageError: the name is taken.
            OutputError: the voices folder cannot be written.
        """
        with self._staging() as staging:
            unpacked = unpack(archive, staging)
            chosen = name or unpacked.name
            wrong = name_fault(chosen)
            fault = Fault(None, wrong) if wrong else self._taken(chosen)
            if fault is not None:
                raise UsageError(fault.message, fault.hint or "choose another with --name")
            self._place(staging, chosen, unpacked.record)
        return self.show(chosen)

    def _folders(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        return sorted(each for each in self.root.iterdir() if (each / RECORD).is_file() and not name_fault(each.name))

    def _read(self, name: str) -> SavedVoice:
        folder = self.root / name
        try:
            text = (folder / RECORD).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"voice {name} cannot be read: {error}", "remove it and add it again") from error
        return SavedVoice(name, folder, read_record(text, f"voice {name}"))

    def _taken(self, name: str, but: str = "") -> Fault | None:
        """Names that differ in case only would be one folder on some file systems."""
        for each in self.names():
            if each.casefold() == name.casefold() and each != but:
                return Fault(
                    None, f"a voice named {each} exists already", f"remove it: demod-voice voices remove {each}"
                )
        return None

    def _references(self, new: NewVoice, staging: Path) -> tuple[list[Reference], list[str], list[Fault]]:
        """Decode every clip that is there; what is wrong with each is collected."""
        references: list[Reference] = []
        warnings: list[str] = []
        unusable: list[Fault] = []
        paired = len(new.texts) == len(new.references)
        texts = new.texts if paired else ("",) * len(new.references)
        for number, (source, text) in enumerate(zip(new.references, texts, strict=True), start=1):
            if not source.is_file():
                continue
            relative = f"references/{number:02d}.wav"
            (staging / "references").mkdir(exist_ok=True)
            try:
                report = prepare_reference(source, staging / relative, self.settings.limits)
            except MediaError as error:
                unusable.append(Fault(None, f"reference {source}: {error.message}", error.hint))
                continue
            if report.fault:
                unusable.append(Fault(None, f"reference {source}: {report.fault}"))
                continue
            warnings += [f"reference {source}: {each}" for each in report.warnings]
            sha256 = hash_file(staging / relative)
            references.append(Reference(relative, sha256, round(report.duration_s, 6), text.strip()))
        return references, warnings, unusable

    def _record(self, new: NewVoice, staging: Path, references: list[Reference]) -> VoiceRecord:
        return VoiceRecord(
            engine=new.engine,
            preset=new.preset,
            model=None if new.model is None else keep(new.model, staging, "model"),
            speaker=new.speaker,
            references=tuple(references),
            adapter=None if new.adapter is None else keep(new.adapter, staging, "adapter"),
            language=new.language,
            speed=new.speed,
            pitch=new.pitch,
            volume_db=new.volume_db,
            style=dict(new.style),
            consent=_consent(new, staging),
            licence=new.licence,
        )

    def _place(self, staging: Path, name: str, record: VoiceRecord) -> None:
        """Make the staged folder the voice ``name``, in one rename."""
        for path in staging.rglob("*"):
            if path.is_file():
                flush(path)
        write_json(staging / RECORD, asdict(record))
        with self._changing():
            taken = self._taken(name)
            if taken is not None:
                raise UsageError(taken.message, taken.hint)
            staging.rename(self.root / name)

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """A folder beside the voices, gone at the end unless it was renamed into place."""
        staging = self._temporary()
        try:
            staging.mkdir(parents=True)
            for left in abandoned(self.root, least_age_s=ABANDONED_S):
                shutil.rmtree(left, ignore_errors=True)
            yield staging
        except OSError as error:
            raise output_error(self.root, error) from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            with locked(self.root / LOCK):
                yield
        except OSError as error:
            raise output_error(self.root, error) from error

    def _temporary(self) -> Path:
        return self.root / f"{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}"


def _consent(new: NewVoice, staging: Path) -> Consent:
    path = new.consent_file
    if path is not None:
        target = staging / f"consent{path.suffix.lower()}"
        shutil.copyfile(path, target)
        return Consent(CONSENT_FILE, target.name, hash_file(target))
    if new.consent is not None:
        return Consent(new.consent)
    return Consent(PRESET_CONSENT if new.preset is not None else UNSAID_CONSENT)
