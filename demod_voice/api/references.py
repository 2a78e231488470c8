"""Reference clips as a person names them, ready to be cloned from; what is wrong with them, before anything heavy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from demod_voice.analysis.speakers import ENGINE, embed_clips
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineError, Fault, MediaError, UsageError
from demod_voice.media.wav import read_wav, write_wav
from demod_voice.records.progress import SILENT, Progress
from demod_voice.voices.references import pieces, prepare_reference, two_voices
from demod_voice.voices.refusing import refuse

__all__ = ["Prepared", "foreign_voices", "prepared_references"]

MOST = 32
"""Clips of one voice."""
ASK = "is it one person who speaks?"


@dataclass(frozen=True, slots=True)
class Prepared:
    """Clips that an engine can take a voice from."""

    paths: tuple[Path, ...]
    """24 kHz mono WAVs, in the order in which they were named."""
    warnings: tuple[str, ...]
    """What a person should look at, with the name of the file."""


@contextmanager
def prepared_references(sources: Sequence[Path], settings: Settings, progress: Progress = SILENT) -> Iterator[Prepared]:
    """The clips, decoded and looked at; they are gone at the end of the block.

    Raises:
        FaultsError: everything that is wrong with them, at once.
        MediaError: files that cannot be decoded are all that is wrong.
        UsageError: one lies outside the allowed roots.
    """
    check_inside(list(sources), settings.paths.allowed_roots)
    with TemporaryDirectory(prefix="demod-voice-") as temporary:
        found: list[Path] = []
        faults: list[Fault] = []
        unreadable: list[str] = []
        warnings: list[str] = []
        if len(sources) > MOST:
            faults.append(
                Fault(None, f"{len(sources)} references: {MOST} are the most", "a minute of speech is enough")
            )
        for number, source in enumerate(sources[:MOST]):
            target = Path(temporary) / f"{number:02d}.wav"
            try:
                report = prepare_reference(source, target, settings.limits)
            except MediaError as error:
                unreadable.append(f"reference {error.message}")
                continue
            except UsageError as error:
                faults.append(Fault(None, f"reference {error.message}", error.hint))
                continue
            if report.fault:
                faults.append(Fault(None, f"reference {source}: {report.fault}"))
                continue
            found.append(target)
            warnings += [f"reference {source}: {each}" for each in report.warnings]
        refuse("the references", faults, unreadable)
        warnings += foreign_voices(found, [str(each) for each in sources], settings, progress)
        yield Prepared(tuple(found), tuple(warnings))


def foreign_voices(paths: Sequence[Path], names: Sequence[str], settings: Settings, progress: Progress) -> list[str]:
    """Which clips have more than one speaker, as far as an embedding model can tell.

    Nothing is said where the engine is not installed, or nobody has measured its threshold; where it fails, or its model
    is not here, that is what is said.

    Args:
        paths: WAVs.
        names: what each is called, in their order.
        settings: engines.
        progress: told of devices and retries.
    """
    with ExitStack() as stack:
        pool = stack.enter_context(Pool(settings, progress=progress))
        try:
            if not paths or not pool.usable(ENGINE):
                return []
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="demod-voice-")))
            return _foreign(paths, names, pool, folder)
        except EngineError as error:
            remedy = f" ({error.hint})" if error.hint else ""
            why = f"{error.message.splitlines()[0]}{remedy}"
            return [f"whether one person speaks in the references was not looked at: {why}"]


def _foreign(paths: Sequence[Path], names: Sequence[str], pool: Pool, folder: Path) -> list[str]:
    cut: list[tuple[int, Path]] = []
    for number, path in enumerate(paths):
        for count, piece in enumerate(pieces(read_wav(path))):
            target = folder / f"{number}-{count}.wav"
            write_wav(target, piece, "pcm_s16le")
            cut.append((number, target))
    heard = embed_clips([path for _, path in cut], pool)
    owners = [number for number, _ in cut]
    found = []
    for number, name in enumerate(names[: len(paths)]):
        own = [vector for owner, vector in zip(owners, heard.vectors, strict=True) if owner == number]
        cosine = two_voices(own, heard.threshold)
        if cosine is not None:
            found.append(f"reference {name}: {_told(cosine, heard.threshold)}")
    across = two_voices(list(heard.vectors), heard.threshold)
    if not found and across is not None:
        found.append(f"the references together: {_told(across, heard.threshold)}")
    return found


def _told(cosine: float, threshold: float | None) -> str:
    return f"two voices (their cosine is {cosine:.2f}; one speaker's is {threshold:.2f} or more): {ASK}"
