"""How a recording gets its text: from subtitles, from a transcript that is aligned, or from a recogniser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from demod_voice.analysis.alignment import AlignedWord, Alignment, align_recording, aligner
from demod_voice.analysis.transcription import Recognizer, choose_recognizer, transcribe
from demod_voice.dataset.assemble import Asked
from demod_voice.dataset.clips import Recognised
from demod_voice.dataset.cutting.cut import TimedText
from demod_voice.dataset.given import Given
from demod_voice.dataset.hearing import Heard, Workshop
from demod_voice.errors import EngineNotInstalled

TRANSCRIPT = "transcript"


@dataclass(frozen=True, slots=True)
class Said:
    """What is known of a recording's text before it is cut."""

    lines: tuple[TimedText, ...] = ()
    words: tuple[AlignedWord, ...] = ()
    """Of the transcript; those that nobody heard too."""
    recognise: bool = False
    """The finished clips are to be recognised."""
    notes: tuple[str, ...] = ()


class Texter:
    """Gives recordings their text, in one way for all that have none of their own."""

    def __init__(self, asked: Asked, shop: Workshop) -> None:
        self._asked, self._shop = asked, shop
        self._recognizer: Recognizer | None = None

    def prepare(self, materials: Iterable[Given]) -> None:
        """Find out before the work whether everything that these need is there.

        Raises:
            EngineNotInstalled: an engine is missing; says which, and what can be done.
        """
        if not self._asked.text:
            return
        materials = tuple(materials)
        try:
            self._prepare(materials)
        except EngineNotInstalled as error:
            hint = (
                f"{error.hint or 'run: demod-voice engines install whisper'}; "
                "or put a text beside each recording (talk.srt, talk.vtt, talk.txt); "
                "or make segments without: --no-text"
            )
            raise EngineNotInstalled(error.message, hint) from error

    def _prepare(self, materials: Sequence[Given]) -> None:
        if any(not each.has_text for each in materials):
            self._recognizer = choose_recognizer(self._asked.language, self._shop.pool, self._asked.transcriber)
            for note in self._recognizer.degraded:
                self._shop.progress.note(note)
        if any(each.transcript for each in materials):
            aligner(self._asked.language, self._shop.pool)

    def key(self, given: Given) -> list[str | int]:
        """What a recording's text depends on beside its own material."""
        if not self._asked.text or given.lines:
            return []
        if given.transcript:
            engine = aligner(self._asked.language, self._shop.pool)
        elif self._recognizer is not None:
            engine = self._recognizer.engine
        else:
            return []
        return [self._asked.language, engine, self._shop.pool.info(engine).output_version]

    def before_the_cut(self, given: Given, heard: Heard, scratch: Path) -> Said:
        """What is known of the text before the recording is cut.

        Raises:
            EngineError: the transcript could not be aligned.
        """
        if not self._asked.text:
            return Said()
        if given.lines:
            return Said(lines=given.lines)
        if given.transcript:
            return _aligned(self._align(given.transcript, heard, scratch))
        return Said(recognise=True)

    def _align(self, text: str, heard: Heard, scratch: Path) -> Alignment:
        shop = self._shop
        return align_recording(
            heard.clean,
            heard.track,
            text,
            self._asked.language,
            shop.pool,
            scratch=scratch,
            jobs=shop.jobs,
            progress=shop.progress,
        )

    def recognise(self, clips: Sequence[Path]) -> tuple[list[Recognised], tuple[str, ...]]:
        """The texts of finished clips, and what a person should know of them.

        Raises:
            EngineError: the engine failed on every clip.
        """
        if self._recognizer is None or not clips:
            return [], ()
        engine, shop = self._recognizer.engine, self._shop
        heard = transcribe(
            clips, self._asked.language, shop.pool, engine=engine, jobs=shop.jobs, progress=shop.progress
        )
        failed = [each.failure for each in heard if each.failure]
        notes = [*self._recognizer.degraded, *dict.fromkeys(what for each in heard for what in each.degraded)]
        if failed:
            notes.append(f"{len(failed)} clips were not recognised: {failed[0]}")
        made = [Recognised(each.text, engine if each.text else "none", each.confidence) for each in heard]
        return made, tuple(dict.fromkeys(notes))


def _aligned(found: Alignment) -> Said:
    lost = sum(not each.aligned for each in found.words)
    told = [f"{lost} of {len(found.words)} words of the transcript were not heard where they should be"] if lost else []
    return Said(words=found.words, notes=(*found.degraded, *told))
