"""Speak with CSM straight from its files: a model, an adapter, anchors with their words. What ``csm infer`` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, TracebackType
from typing import Any

from demod_voice.api.speaking import Reading, SpokenFile, speak_to_file
from demod_voice.audio.clip import Clip
from demod_voice.config.roots import check_inside
from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.errors import Fault, MediaError, UsageError
from demod_voice.media.wav import read_wav
from demod_voice.records.progress import SILENT, Progress
from demod_voice.speech.studio import LineJob, Studio
from demod_voice.voices.adding import consent_faults, consent_label
from demod_voice.voices.references import prepare_reference
from demod_voice.voices.refusing import range_faults, refuse
from demod_voice.voices.resolve import ResolvedVoice, resolve

__all__ = ["CsmAnchor", "CsmFile", "CsmSynthesizer", "CsmVoice", "infer_csm"]

ENGINE = "csm"
MOST_TURNS = 8
NUMBERS = {"temperature": (0.0, 2.0), "top_k": (1.0, 2048.0), "max_length": (0.1, 600.0)}
"""Style key -> least and greatest value, as the engine checks them; ``max_length`` in seconds."""


@dataclass(frozen=True, slots=True)
class CsmAnchor:
    """A clip of the voice, said to the model as a turn before each line."""

    path: Path
    """6 to 12 s of clear speech are best."""
    text: str
    """The words in it."""


@dataclass(frozen=True, slots=True)
class CsmVoice:
    """Who speaks, and how; None = the engine's own value."""

    anchors: tuple[CsmAnchor, ...] = ()
    adapter: Path | None = None
    """Folder of a LoRA adapter."""
    consent: str | None = None
    """``self``, ``public-domain``, ``unknown``, or the path of the speaker's statement; needed with anchors or adapter."""
    model: str = ""
    """A model's folder, or its name in the registry; empty: the engine's."""
    speaker: str = ""
    """Number of the voice in the conversation, as its adapter was trained with; empty: 0."""
    temperature: float | None = None
    top_k: int | None = None
    max_length_s: float | None = None
    """Longest sound of a paragraph, seconds."""

    def style(self) -> dict[str, Any]:
        """The engine's style keys that were given."""
        found = {"temperature": self.temperature, "top_k": self.top_k, "max_length": self.max_length_s}
        return {key: value for key, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class CsmFile:
    """A text that was spoken into a file."""

    file: SpokenFile
    consent: str
    """Who agreed that the voice is used: ``self``, ``file sha256:...``."""
    licence: str
    """Licence of the model."""
    warnings: tuple[str, ...]
    """What a person should know of the anchors."""


def infer_csm(
    text: str,
    output: str | Path,
    voice: CsmVoice,
    *,
    anchor_idx: int | None = None,
    turns: int = 0,
    settings: Settings = DEFAULTS,
    progress: Progress = SILENT,
) -> CsmFile:
    """Speak ``text`` into a file; its suffix is the format.

    Args:
        text: what to say, a paragraph at a time.
        output: a file.
        voice: who speaks.
        anchor_idx: one of the anchors alone, from 0; None = all of them.
        turns: each paragraph goes on from so many before it, 0 to 8.
        settings: seed, device, threads.
        progress: told about every paragraph.

    Raises:
        FaultsError: everything that is wrong with the voice; nothing was written.
        UsageError: text or output is wrong; nothing was written.
        MediaError: an anchor cannot be decoded.
        EngineError: the engine or its model is not installed, or failed.
        OutputError: the file cannot be written.
    """
    if not 0 <= turns <= MOST_TURNS:
        raise UsageError(f"turns must be a whole number from 0 to {MOST_TURNS}, got {turns}")
    with _ready(voice, settings) as (resolved, warnings):
        spoken = resolved if anchor_idx is None else resolved.anchored(anchor_idx)
        made = speak_to_file(text, output, spoken, Reading(turns=turns), settings=settings, progress=progress)
    return CsmFile(made, resolved.consent, resolved.licence, warnings)


class CsmSynthesizer:
    """A voice that is kept ready: its model, adapter and anchors are loaded once, for as long as the block lasts.

    Args:
        voice: model, adapter and anchors.
        settings: device (auto takes a GPU where one is), threads, attempts.
        progress: told about retries.
    """

    def __init__(self, voice: CsmVoice, *, settings: Settings = DEFAULTS, progress: Progress = SILENT) -> None:
        self._asked = voice
        self._settings = settings
        self._progress = progress
        self._stack = ExitStack()

    def __enter__(self) -> CsmSynthesizer:
        with ExitStack() as stack:
            self._voice, self.warnings = stack.enter_context(_ready(self._asked, self._settings))
            self._folder = Path(stack.enter_context(TemporaryDirectory(prefix="demod-voice-")))
            self._studio = stack.enter_context(Studio(self._settings, progress=self._progress))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def synthesize_utterance(self, text: str, anchor_idx: int | None = 0, seed: int = 42) -> Clip:
        """Speak one utterance: 24 kHz mono. The same text, anchor and seed give the same samples.

        Args:
            text: what to say.
            anchor_idx: one of the voice's anchors, from 0; None = all of them. A voice without anchors needs none.
            seed: 0..2**31-1.

        Raises:
            UsageError: nothing in the text can be said, or there is no such anchor.
            EngineError: every attempt failed.
        """
        voice = self._voice
        if anchor_idx is not None and (voice.voice.references or anchor_idx):
            voice = voice.anchored(anchor_idx)
        job = LineJob("utterance", text, voice, voice.language or self._settings.language, seed)
        return read_wav(self._studio.speak(job, self._folder).path)


@contextmanager
def _ready(asked: CsmVoice, settings: Settings) -> Iterator[tuple[ResolvedVoice, tuple[str, ...]]]:
    """The voice as the studio takes it, as long as the block lasts, and what a person should know of it.

    Raises:
        FaultsError: everything that is wrong with it.
        MediaError: anchors that cannot be decoded are all that is wrong.
        UsageError: there is no such model, or a path is outside the allowed roots.
    """
    paths = [each.path for each in asked.anchors] + ([asked.adapter] if asked.adapter else [])
    check_inside(paths, settings.paths.allowed_roots)
    faults = [*_faults(asked)]
    with TemporaryDirectory(prefix="demod-voice-") as temporary:
        unreadable: list[str] = []
        clips, warnings = _clips(asked.anchors, Path(temporary), settings, faults, unreadable)
        refuse("the voice", faults, unreadable)
        found = resolve(settings, engine=ENGINE, model=asked.model)
        voice = replace(
            found.voice,
            speaker=asked.speaker or None,
            references=tuple(map(str, clips)),
            reference_texts=tuple(each.text.strip() for each in asked.anchors),
            adapter=str(asked.adapter.resolve()) if asked.adapter else None,
        )
        name = asked.adapter.name if asked.adapter else asked.anchors[0].path.stem if asked.anchors else found.name
        style = MappingProxyType(asked.style())
        yield replace(found, name=name, voice=voice, style=style, consent=consent_label(asked.consent)), tuple(warnings)


def _faults(asked: CsmVoice) -> Iterator[Fault]:
    yield from range_faults(asked.style(), NUMBERS)
    if asked.anchors or asked.adapter:
        yield from consent_faults(asked.consent)
    for anchor in asked.anchors:
        if not anchor.text.strip():
            yield Fault(None, f"anchor {anchor.path} has no words", "give its --anchor-text: the words in the clip")
    if asked.adapter and not asked.adapter.is_dir():
        yield Fault(None, f"adapter {asked.adapter} is no folder", "name the folder that training wrote")


def _clips(
    anchors: tuple[CsmAnchor, ...], folder: Path, settings: Settings, faults: list[Fault], unreadable: list[str]
) -> tuple[list[Path], list[str]]:
    """The anchors as 24 kHz mono WAVs, and what a person should know of them.

    What is wrong goes to ``faults``, and what is no sound to ``unreadable``.
    """
    clips: list[Path] = []
    warnings: list[str] = []
    for number, anchor in enumerate(anchors):
        clip = folder / f"{number:02d}.wav"
        try:
            report = prepare_reference(anchor.path, clip, settings.limits)
        except MediaError as error:
            unreadable.append(f"anchor {error.message}")
            continue
        except UsageError as error:
            faults.append(Fault(None, f"anchor {error.message}", error.hint))
            continue
        if report.fault:
            faults.append(Fault(None, f"anchor {anchor.path}: {report.fault}"))
        clips.append(clip)
        warnings += [f"anchor {anchor.path}: {each}" for each in report.warnings]
    return clips, warnings
