"""A dataset as a page."""

from __future__ import annotations

from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.report import write_report
from demod_voice.dataset.store import Dataset
from demod_voice.engines.pool import Pool
from demod_voice.errors import UsageError
from demod_voice.records.progress import SILENT, Progress

__all__ = ["report_dataset"]


def report_dataset(
    dataset: str | Path,
    output: str | Path | None = None,
    *,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> Path:
    """Write a dataset's page, and return where it is.

    Args:
        dataset: its folder.
        output: the file; None = ``report/index.html`` in the dataset.
        settings: where engines are, and the language where the dataset names none.
        progress: told about installs.

    Raises:
        UsageError: it is no dataset, or ``output`` is a folder.
        OutputError: the page cannot be written.
    """
    opened = Dataset.reading(Path(dataset))
    target = None if output is None else Path(output)
    check_inside([opened.path, *([target] if target else [])], settings.paths.allowed_roots)
    if target is not None and target.is_dir():
        raise UsageError(f"{target} is a folder", f"name the file: -o {target / 'index.html'}")
    with Pool(settings, progress=progress) as pool:
        return write_report(opened, opened.manifest(), settings, pool, target)
