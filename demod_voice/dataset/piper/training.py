"""``piper preprocess``: a folder that Piper's training reads as it stands.

``wavs/`` (16-bit mono at the voice's rate), ``metadata.csv`` with texts, ``metadata_ids.csv`` with the numbers of the
phonemes, ``dataset.jsonl`` with both, ``config.json`` as a voice has it. Done in steps of some clips each, so that a
kill costs one of them and nothing finished is done again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from demod_worker.messages import PhonemizeRequest

from demod_voice.audio.clip import Clip
from demod_voice.audio.resample import resample
from demod_voice.config.settings import Settings
from demod_voice.dataset.keeping.export_formats import PIPER_RATE, quoted
from demod_voice.dataset.piper.phonemes import PiperText, piper_text, told_text
from demod_voice.dataset.piper.sources import Utterance
from demod_voice.dataset.piper.table import PHONEME_IDS
from demod_voice.engines.environments import USABLE, state
from demod_voice.engines.locate import engine as find_engine
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import MANIFEST
from demod_voice.media.wav import read_wav, write_wav
from demod_voice.records.atomic import write_json, write_text
from demod_voice.records.hashing import hash_json
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.records.steps import RunFolder, Step

BATCH = 64
"""Clips of a step."""
HIDDEN = ".demod"
ROWS = "dataset.jsonl"
PIPER, ESPEAK = "piper", "espeak"
NUM_SYMBOLS = 256
HOP_LENGTH = 256
SCALES = {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8}
"""How a voice speaks unless it is told otherwise. Source: piper-tts 1.8, PiperConfig."""
VERSION = 1


@dataclass(frozen=True, slots=True)
class PreprocessOptions:
    """What the folder is for."""

    language: str = "en-us"
    """A voice of espeak-ng: ``en-us``, ``de``, ``pt-br``."""
    sample_rate: int = PIPER_RATE
    """Of the voice, Hz: 22050 for medium and high quality, 16000 for low."""
    name: str = ""
    """Of the voice."""
    engine: str = ""
    """``piper`` or ``espeak``; empty = piper where it is installed."""


@dataclass(frozen=True, slots=True)
class PreprocessReport:
    """A folder that is ready for training."""

    path: Path
    clips: int
    duration_s: float
    sample_rate: int
    language: str
    engine: str
    """Which told the phonemes."""
    speakers: tuple[str, ...]
    """In the order of their numbers."""
    made: int
    """Clips that were worked on; the others were finished."""
    unknown: tuple[str, ...]
    """Phonemes that Piper has no number for: left out of the rows."""
    notes: tuple[str, ...]


def preprocess(
    utterances: Sequence[Utterance],
    target: Path,
    settings: Settings,
    options: PreprocessOptions,
    progress: Progress = SILENT,
) -> PreprocessReport:
    """Make a folder for Piper's training; what is finished there is kept.

    Raises:
        UsageError: something else lies in ``target``, or there is nothing to do.
        EngineError: the phonemizer failed, or does not know the language.
        MediaError: a clip cannot be read. OutputError: the folder cannot be written.
    """
    if not utterances:
        raise UsageError("there is nothing to learn from: no clip has a text")
    _refuse_foreign(target)
    info = _phonemizer(settings, options.engine)
    with locked(target / HIDDEN / "lock", lambda: progress.note(f"waiting: another command works on {target}")):
        work = _Work(RunFolder(target / HIDDEN), target, info, options, progress)
        with Pool(settings, progress=progress) as pool:
            told, made = work.run(utterances, pool)
        _write_tables(target, utterances, told, options)
        _remove_others(target, {each.file_name for each in utterances})
    unknown = tuple(sorted({each for text in told for each in text.unknown}))
    duration_s = round(sum(each.duration_s for each in utterances), 3)
    return PreprocessReport(
        *(target, len(utterances), duration_s, options.sample_rate, options.language, info.name),
        *(_speakers(utterances), made, unknown, _notes(info.name, options)),
    )


def _notes(engine: str, options: PreprocessOptions) -> tuple[str, ...]:
    if engine == PIPER:
        return ()
    why = "as asked" if options.engine else f"for engine {PIPER} is not installed (engines install piper)"
    return (f"the phonemes are {engine}'s, {why}: Piper's own release also writes glides between vowels",)


def _refuse_foreign(target: Path) -> None:
    if (target / MANIFEST).exists():
        raise UsageError(f"{target} is a dataset", "name a folder that is not there yet")
    if target.is_dir() and any(target.iterdir()) and not (target / HIDDEN / "steps").is_dir():
        raise UsageError(f"{target} is not empty", "name a folder that is not there yet")
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file", "name a folder that is not there yet")


def _phonemizer(settings: Settings, name: str) -> EngineInfo:
    """The engine that was named; else piper where it is installed, and espeak where not."""
    if name:
        return find_engine(name, settings)
    info = find_engine(PIPER, settings)
    there = state(info, settings) in USABLE
    return info if there else find_engine(ESPEAK, settings)


@dataclass(frozen=True, slots=True)
class _Work:
    """The steps of one folder."""

    run_folder: RunFolder
    target: Path
    info: EngineInfo
    options: PreprocessOptions
    progress: Progress

    def run(self, utterances: Sequence[Utterance], pool: Pool) -> tuple[list[PiperText], int]:
        """Do what is not finished; the phonemes of all, and how many clips were worked on."""
        self.progress.start("preprocess", len(utterances), "clips")
        (self.target / "wavs").mkdir(parents=True, exist_ok=True)
        told: list[PiperText] = []
        made = 0
        for name, batch in _batches(utterances):
            sounds = self.run_folder.run(self._sounds(name, batch), partial(self._resample, batch))
            texts = self.run_folder.run(self._texts(name, batch), self._teller(batch, pool))
            told += _read_texts(self.run_folder.path / _told_file(name))
            made += 0 if sounds.reused and texts.reused else len(batch)
            self.progress.advance("preprocess", len(batch))
        self.progress.finish("preprocess")
        return told, made

    def _sounds(self, name: str, batch: Sequence[Utterance]) -> Step:
        return Step(
            f"sounds-{name}",
            VERSION,
            tuple(f"../wavs/{each.file_name}" for each in batch),
            {each.file_name: each.sha256 for each in batch},
            {"sample_rate": self.options.sample_rate},
        )

    def _texts(self, name: str, batch: Sequence[Utterance]) -> Step:
        engine = [self.info.name, self.info.version, self.info.output_version]
        params = {
            "engine": engine,
            "language": self.options.language,
            "texts": hash_json([each.text for each in batch]),
        }
        return Step(f"phonemes-{name}", VERSION, (_told_file(name),), {}, params)

    def _resample(self, batch: Sequence[Utterance], outputs: Any) -> None:
        for each in batch:
            clip = read_wav(each.path)
            mono = Clip(clip.samples.mean(axis=0, keepdims=True), clip.sample_rate)
            write_wav(outputs[f"../wavs/{each.file_name}"], resample(mono, self.options.sample_rate))

    def _teller(self, batch: Sequence[Utterance], pool: Pool) -> Callable[[Any], None]:
        def tell(outputs: Any) -> None:
            rows = [self._tell(each.text, pool) for each in batch]
            path = next(iter(outputs.values()))
            path.write_text(json.dumps([[text.phonemes, text.ids, text.unknown] for text in rows], ensure_ascii=False))

        return tell

    def _tell(self, text: str, pool: Pool) -> PiperText:
        def ask(piece: str) -> Sequence[str]:
            answer = pool.phonemize(self.info.name, PhonemizeRequest(piece, self.options.language))
            for each in answer.degraded:
                raise UsageError(
                    f"--language {self.options.language}: {each}", "name a voice of espeak-ng: en-us, de ..."
                )
            return answer.phonemes

        return told_text(ask(text)) if self.info.name == PIPER else piper_text(text, ask)


def _batches(utterances: Sequence[Utterance]) -> Iterator[tuple[str, Sequence[Utterance]]]:
    """Name and clips of each step: a recording's own, so that one more recording leaves the others' steps as they are."""
    for group, members in groupby(utterances, key=lambda each: each.group):
        listed = list(members)
        for begin in range(0, len(listed), BATCH):
            yield f"{group}-{begin // BATCH:05d}", listed[begin : begin + BATCH]


def _told_file(name: str) -> str:
    return f"phonemes/{name}.json"


def _read_texts(path: Path) -> list[PiperText]:
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [PiperText(tuple(map(tuple, phonemes)), tuple(ids), tuple(unknown)) for phonemes, ids, unknown in rows]


def _speakers(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    return tuple(sorted({each.speaker for each in utterances}))


def _write_tables(
    target: Path, utterances: Sequence[Utterance], told: Sequence[PiperText], options: PreprocessOptions
) -> None:
    speakers = _speakers(utterances)
    several = len(speakers) > 1
    rows, texts, ids = [], [], []
    for each, text in zip(utterances, told, strict=True):
        speaker = (each.speaker,) if several else ()
        texts.append((each.file_name, *speaker, each.text))
        ids.append((each.file_name, *speaker, each.text, " ".join(map(str, text.ids))))
        rows.append(_row(each, text, speakers.index(each.speaker) if several else None))
    write_text(target / "metadata.csv", quoted(texts))
    write_text(target / "metadata_ids.csv", quoted(ids))
    write_text(target / ROWS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    write_json(target / "config.json", _config(speakers if several else (), options))


def _row(utterance: Utterance, text: PiperText, speaker_id: int | None) -> dict[str, Any]:
    """A line of ``dataset.jsonl``; paths are relative to the folder."""
    row: dict[str, Any] = {"text": utterance.text, "audio_path": f"wavs/{utterance.file_name}"}
    if speaker_id is not None:
        row |= {"speaker": utterance.speaker, "speaker_id": speaker_id}
    return {**row, "phonemes": [each for sentence in text.phonemes for each in sentence], "phoneme_ids": list(text.ids)}


def _config(speakers: Sequence[str], options: PreprocessOptions) -> dict[str, Any]:
    """What Piper reads of a voice. Source: piper-tts 1.8, ``PiperConfig``."""
    return {
        "dataset": options.name,
        "audio": {"sample_rate": options.sample_rate},
        "espeak": {"voice": options.language},
        "language": {"code": options.language},
        "phoneme_type": "espeak",
        "num_symbols": NUM_SYMBOLS,
        "num_speakers": max(1, len(speakers)),
        "inference": SCALES,
        "phoneme_id_map": PHONEME_IDS,
        "speaker_id_map": {name: number for number, name in enumerate(speakers)},
        "hop_length": HOP_LENGTH,
        "default_speaker_id": 0,
    }


def _remove_others(target: Path, wanted: set[str]) -> None:
    """Clips of an earlier run that are no longer in the dataset: only names that its records have."""
    for record in (target / HIDDEN / "steps").glob("sounds-*.json"):
        known = json.loads(record.read_text())["hashes"]
        names = {Path(name).name for name in known}
        for name in names - wanted:
            (target / "wavs" / name).unlink(missing_ok=True)
        if not names & wanted:
            record.unlink()


def with_name(options: PreprocessOptions, name: str) -> PreprocessOptions:
    """The options with a name, where they have none."""
    return options if options.name else replace(options, name=name)
