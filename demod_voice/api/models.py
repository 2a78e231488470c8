"""Models: which there are, pull, import, verify and remove them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.errors import UsageError
from demod_voice.models.acceptance import terms_of
from demod_voice.models.carrying import import_model as _import
from demod_voice.models.catalogue import entry, find_entries
from demod_voice.models.entries import ModelEntry
from demod_voice.models.hub import hub_url, shown_url
from demod_voice.models.installed import (
    FileCheck,
    InstalledModel,
    find_installed,
    installed,
    needed,
    partial_share,
)
from demod_voice.models.installed import remove as _remove
from demod_voice.models.installed import verify as _verify
from demod_voice.models.pulling import PullOptions
from demod_voice.models.pulling import pull as _pull
from demod_voice.records.progress import SILENT, Progress
from demod_voice.units import format_size

__all__ = [
    "FileCheck",
    "InstalledModel",
    "ModelEntry",
    "ModelStatus",
    "PullOptions",
    "format_size",
    "import_model",
    "list_models",
    "model_info",
    "model_terms",
    "pull_model",
    "remove_model",
    "verify_model",
]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """A model of the registry, of this machine, or of both."""

    name: str
    engine: str
    state: str
    """``ready``, ``damaged`` (sizes differ), ``partial`` or ``missing``."""
    entry: ModelEntry | None
    """None for a model that no registry names any more."""
    installed: InstalledModel | None
    share: float = 0.0
    """How much of a partial one is there, 0 to 1."""

    @property
    def num_bytes(self) -> int:
        """Size, as it lies here or as the registry says; 0 = not known."""
        if self.installed is not None:
            return self.installed.record.num_bytes
        return self.entry.num_bytes if self.entry is not None else 0

    @property
    def licence(self) -> str:
        """What it is under."""
        if self.installed is not None:
            return self.installed.record.licence
        return self.entry.licence if self.entry is not None else ""

    @property
    def summary(self) -> str:
        """What it is, for people."""
        return self.entry.summary if self.entry is not None else "not in the registry"

    @property
    def source(self) -> str:
        """Repository on the hub."""
        if self.entry is not None:
            return self.entry.source
        return self.installed.record.source if self.installed is not None else ""


def list_models(*, engine: str = "", settings: Settings = DEFAULTS) -> list[ModelStatus]:
    """Every model that is known or on this machine, by name; ``engine`` leaves out the others' models.

    Raises:
        FaultsError: a models.toml is wrong.
    """
    known, here = find_entries(settings), find_installed(settings)
    found = [_status(name, known.get(name), here.get(name)) for name in sorted({*known, *here})]
    return [each for each in found if engine in ("", each.engine)]


def model_info(name: str, *, settings: Settings = DEFAULTS) -> ModelStatus:
    """One model.

    Raises:
        UsageError: there is none of that name, neither in the registry nor here.
    """
    known, here = find_entries(settings).get(name), installed(name, settings)
    return _status(name, known if known is not None or here is not None else entry(name, settings), here)


def model_terms(status: ModelStatus) -> str:
    """The licence of a model in a sentence; empty for one that no registry names."""
    return terms_of(status.entry) if status.entry is not None else ""


def pull_model(
    name: str, options: PullOptions | None = None, *, settings: Settings = DEFAULTS, progress: Progress = SILENT
) -> tuple[InstalledModel, bool]:
    """Bring a model to this machine: (the model, whether anything was done). What has come is never fetched again.

    Raises:
        UsageError: there is no such model.
        LicenceRequired: its licence was not accepted, or its hub wants a token.
        ModelMissing: the hub cannot be reached, does not have it, or sends something else.
        OutputError: the disk is full, or cannot be written.
    """
    return _pull(entry(name, settings), options or PullOptions(), settings, progress)


def import_model(
    folder: str | Path,
    *,
    name: str = "",
    accept: str = "",
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> InstalledModel:
    """Take in the files of a model that were carried here by hand; linked where the disk is the same, else copied.

    Raises:
        UsageError: there is no such folder, or no model that fits.
        LicenceRequired: its licence was not accepted.
        ModelMissing: a file is missing, damaged, or of another model.
        OutputError: it cannot be written.
    """
    check_inside([Path(folder)], settings.paths.allowed_roots)
    return _import(Path(folder), name, accept, settings, progress)


def verify_model(name: str, *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> list[FileCheck]:
    """Read every file of a model and compare it with what was recorded.

    Raises:
        ModelMissing: it is not on this machine.
    """
    if installed(name, settings) is None:
        entry(name, settings)
    model = needed(name, settings)
    step = f"verify {name}"
    progress.start(step, model.record.num_bytes, "bytes")
    checks = list(_verify(model, lambda amount: progress.advance(step, amount)))
    progress.finish(step)
    return checks


def remove_model(name: str, *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> int:
    """Remove a model, and what was pulled of it; return the bytes that were freed.

    Raises:
        UsageError: there is nothing of it here, or it lies in a folder that is only read.
        OutputError: it cannot be removed.
    """
    if not name or "/" in name or name.startswith("."):
        raise UsageError(f"{name!r} is no name of a model", "see: demod-voice models list")
    return _remove(name, settings, lambda: progress.note(f"waiting: another process pulls {name}"))


def hub_page(status: ModelStatus, settings: Settings = DEFAULTS) -> str:
    """The page of a model on its hub."""
    return f"{shown_url(hub_url(settings))}/{status.source}"


def _status(name: str, known: ModelEntry | None, here: InstalledModel | None) -> ModelStatus:
    engine = known.engine if known is not None else here.record.engine if here is not None else ""
    if here is not None:
        return ModelStatus(name, engine, "damaged" if here.changed() else "ready", known, here)
    share = partial_share(name)
    return ModelStatus(name, engine, "missing" if share is None else "partial", known, None, share or 0.0)
