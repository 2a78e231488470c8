"""A folder for Piper's training, from a dataset or an LJ Speech folder: what ``piper preprocess`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.dataset.piper import training as piper_training
from demod_voice.dataset.piper.sources import find_utterances
from demod_voice.dataset.piper.training import PreprocessOptions, PreprocessReport, with_name
from demod_voice.dataset.review.replay import apply_reviews
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import MANIFEST, SPLITS
from demod_voice.records.progress import SILENT, Progress

__all__ = ["PreprocessOptions", "PreprocessReport", "preprocess_piper"]


def preprocess_piper(
    source: str | Path,
    output: str | Path,
    options: PreprocessOptions | None = None,
    *,
    splits: Sequence[str] = ("train",),
    speakers: Sequence[str] = (),
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> PreprocessReport:
    """Make a folder that Piper's training reads as it stands; what is finished there is kept.

    Args:
        source: a dataset, or a folder laid out as LJ Speech.
        output: a folder that is not there yet, or that an earlier call began.
        options: language, rate, name, engine.
        splits: of a dataset; an LJ Speech folder has none.
        speakers: of a dataset; none = all.
        settings: engines, and the allowed folders.
        progress: told about every clip.

    Raises:
        UsageError: ``source`` is neither, or something else lies in ``output``; nothing was written.
        EngineError: the phonemizer failed, or does not know the language.
        MediaError: a clip cannot be read. OutputError: the folder cannot be written.
    """
    folder, target = Path(source), Path(output)
    check_inside([folder, target], settings.paths.allowed_roots)
    for each in splits:
        if each not in SPLITS:
            raise UsageError(f"there is no split {each!r}", f"they are: {', '.join(SPLITS)}")
    if (folder / MANIFEST).is_file():
        apply_reviews(folder, lambda: progress.note(f"waiting: another command works on {folder}"))
    utterances = find_utterances(folder, splits, speakers)
    asked = with_name(options or PreprocessOptions(), target.resolve().name)
    return piper_training.preprocess(utterances, target, settings, asked, progress)
