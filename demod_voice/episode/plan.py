"""From a script to planned lines: each with an id that survives moving it, a seed, and a resolved voice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from demod_worker.messages import Voice

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.engines.types import EngineInfo
from demod_voice.episode.lexicons import read_lexicons
from demod_voice.episode.sound_files import media_faults
from demod_voice.episode.sources import NO_SOURCES, Sources, outer_of
from demod_voice.errors import Fault, FaultsError, ModelMissing, UsageError
from demod_voice.formats.script import Chapter, Effect, Script, ScriptLine, SpeakerSpec
from demod_voice.formats.script_file import scan_script
from demod_voice.records.hashing import hash_json
from demod_voice.speech.studio import LineJob, Question
from demod_voice.text.lexicon import Lexicon
from demod_voice.text.spans import Span
from demod_voice.voices.resolve import ResolvedVoice, resolve

RECORDED = ResolvedVoice("", EngineInfo("", "", Path(), "", 0, ()), Voice())
"""Stands in the job of a recording, which has no voice."""
LINE, SPEAKER, PARAGRAPH, CHAPTER, FIRST = "line", "speaker", "paragraph", "chapter", "first"
"""What stands between a line and the one before it."""
ANCHOR = "anchor_idx"
"""The hint that chooses one of a voice's anchors, from 0."""


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One line of the episode, ready to be spoken, or to be decoded."""

    job: LineJob
    """Of a recording, what names it: no engine is asked for it."""
    speaker: str
    chapter: int
    """Index into the script's chapters."""
    joint: str
    """``first``, ``line``, ``speaker``, ``paragraph`` or ``chapter``: what separates it from the line before."""
    source: ScriptLine
    after: str = ""
    """The last sign of the line before it, which shapes the pause between them."""

    @property
    def recorded(self) -> bool:
        """It is a recording: nobody speaks it."""
        return self.source.recording is not None

    @property
    def estimated_s(self) -> float:
        """Seconds, guessed before there is a take; of a recording to its file's end, from its transcript."""
        cut = self.source.recording
        return self.job.estimated_s if cut is None or cut.end_s is None else cut.end_s - cut.start_s


@dataclass(frozen=True, slots=True)
class Plan:
    """An episode, ready to be rendered."""

    script: Script
    language: str
    seed: int
    voices: Mapping[str, ResolvedVoice]
    """Speaker name -> voice, for the speakers that have lines to be spoken."""
    lines: tuple[PlannedLine, ...]
    folder: Path = Path()
    """The script's; what it names is relative to it."""
    turns: int = 0
    """Earlier turns that lines go on from, where their engines continue a conversation."""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Every effect of the script, in its order."""
        return (*(each for line in self.lines for each in line.source.effects), *self.script.trailing_effects)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Everybody who is heard, in the order of the script's list."""
        heard = {line.speaker for line in self.lines}
        return tuple(name for name in self.script.speakers if name in heard)

    @property
    def synthetic(self) -> bool:
        """An engine speaks in it."""
        return not all(line.recorded for line in self.lines)


def make_plan(script: Script, folder: Path, settings: Settings) -> Plan:
    """Plan every line of ``script``; relative model paths are looked for in ``folder``.

    Raises:
        FaultsError: every speaker whose voice or engine does not exist, at once, with its line in the script.
    """
    plan, faults = _plan(script, folder, settings)
    if faults:
        raise FaultsError(script.source, faults)
    return plan


def read_plan(path: Path, settings: Settings, sources: Sources = NO_SOURCES) -> Plan:
    """Read a script and plan every line of it.

    Raises:
        UsageError: the file cannot be read as a script.
        FaultsError: everything that is wrong in it, with its speakers, its show and its cast, at once, with lines.
    """
    plan, faults = draft_plan(path, settings, sources)
    if faults:
        raise FaultsError(str(path), faults)
    return plan


def draft_plan(path: Path, settings: Settings, sources: Sources = NO_SOURCES) -> tuple[Plan, list[Fault]]:
    """A plan of the lines that can be planned, and everything that is wrong with the script and what it inherits.

    Raises:
        UsageError: the file cannot be read as a script.
    """
    outer, around = outer_of(path, sources, settings)
    script, faults = scan_script(path, settings.limits, outer)
    plan, more = _plan(script, path.parent, settings)
    return plan, [*around, *faults, *more]


def questions(plan: Plan, decided: Container[int] = ()) -> list[Question]:
    """What to ask the engines before anything is spoken: each line, with where it and its voice stand.

    Args:
        plan: the lines; recordings are no question.
        decided: numbers of lines that have their takes.
    """
    asked = [line for number, line in enumerate(plan.lines) if number not in decided and not line.recorded]
    specs = plan.script.speakers
    return [
        Question(
            f"speaker {line.speaker}",
            line.job,
            line.source.line,
            specs[line.speaker].line,
            specs[line.speaker].source,
        )
        for line in asked
    ]


def _plan(script: Script, folder: Path, settings: Settings) -> tuple[Plan, list[Fault]]:
    language = script.language or settings.language
    seed = settings.seed if script.seed is None else script.seed
    voices, faults = _resolve_speakers(script, folder, settings, language)
    lexicon = read_lexicons(script, settings, faults)
    turns = settings.episode.context_turns if script.context_turns is None else script.context_turns
    planned = _planned(script, voices, language, seed, turns, faults)
    lines = tuple(_pronounced(line, lexicon) for line in planned)
    return Plan(script, language, seed, voices, lines, folder, turns), [
        *faults,
        *media_faults(script, folder, settings),
    ]


def _pronounced(line: PlannedLine, lexicon: Lexicon) -> PlannedLine:
    """The line with what the lexicons say in its job; its id stays, so that only takes that it changes are made anew."""
    if line.recorded:
        return line
    text, spans, _ = lexicon.pronounced(line.job.text, line.job.spans, line.speaker, line.job.language)
    return replace(line, job=replace(line.job, text=text, spans=spans))


def line_id(chapter: Chapter, line: ScriptLine, occurrences: Counter[str]) -> str:
    """Id of a line: its content and how often that content came before, never its number.

    Moving, inserting or deleting other lines changes no id, so nothing else is spoken again; nor do overlaps, pauses
    and effects, which change when a line is heard, and not the line.
    """
    parts: list[Any] = [chapter.title, line.speaker, line.text, dict(line.hints)]
    if line.spans:
        parts.append({"spans": [_asked(span) for span in line.spans]})
    if line.recording is not None:
        parts.append({"recording": asdict(line.recording)})
    content = hash_json(parts)[:24]
    occurrences[content] += 1
    return f"{content}-{occurrences[content]}"


def _asked(span: Span) -> dict[str, Any]:
    """What a span asks for; what it does not is left out, so that a new field of spans changes no id."""
    plain = Span("")
    return {name: getattr(span, name) for name in Span.__slots__ if getattr(span, name) != getattr(plain, name)}


def _planned(
    script: Script,
    voices: Mapping[str, ResolvedVoice],
    language: str,
    seed: int,
    turns: int,
    faults: list[Fault],
) -> Iterator[PlannedLine]:
    """The recordings, and the lines of every speaker who has a voice; anchors that a voice has not go to ``faults``."""
    occurrences: Counter[str] = Counter()
    previous: ScriptLine | None = None
    for number, chapter in enumerate(script.chapters):
        joint = CHAPTER
        for paragraph in chapter.paragraphs:
            for line in paragraph.lines:
                voice = RECORDED if line.recording is not None else voices.get(line.speaker)
                if voice is None:
                    continue
                spec = script.speakers[line.speaker]
                voice, hints = _anchored(line, voice, faults)
                job = LineJob(
                    id=line_id(chapter, line, occurrences),
                    text=line.text,
                    voice=voice,
                    language=voice.language or language,
                    seed=seed if spec.seed is None else spec.seed,
                    hints=hints,
                    spans=line.spans,
                    turns=0 if line.recording is not None else turns,
                )
                after = previous.text[-1:] if previous is not None else ""
                yield PlannedLine(job, line.speaker, number, _joint(previous, line, joint), line, after)
                if not line.backchannel:
                    previous, joint = line, LINE
            joint = PARAGRAPH


def _anchored(line: ScriptLine, voice: ResolvedVoice, faults: list[Fault]) -> tuple[ResolvedVoice, Mapping[str, Any]]:
    """The voice with the anchor that the line asks for, and the hints that are left; both as they are without one."""
    index = line.hints.get(ANCHOR)
    if index is None or not voice.engine.context or not voice.voice.references:
        return voice, line.hints
    try:
        chosen = voice.anchored(index)
    except UsageError as error:
        faults.append(Fault(line.line, f"speaker {line.speaker}: {error.message}", error.hint))
        return voice, line.hints
    return chosen, {name: value for name, value in line.hints.items() if name != ANCHOR}


def _joint(previous: ScriptLine | None, line: ScriptLine, joint: str) -> str:
    if previous is None:
        return FIRST
    if joint == LINE and previous.speaker != line.speaker:
        return SPEAKER
    return joint


def _resolve_speakers(
    script: Script, folder: Path, settings: Settings, language: str
) -> tuple[dict[str, ResolvedVoice], list[Fault]]:
    """The voice of each speaker who has lines to be spoken, and what is wrong with the others."""
    heard = {
        line.speaker
        for chapter in script.chapters
        for each in chapter.paragraphs
        for line in each.lines
        if line.recording is None
    }
    voices: dict[str, ResolvedVoice] = {}
    faults: list[Fault] = []
    for name, spec in script.speakers.items():
        if name not in heard:
            continue
        try:
            voices[name] = _resolve_speaker(spec, folder, settings, language)
        except (UsageError, ModelMissing) as error:
            faults.append(Fault(spec.line, f"speaker {name}: {error.message}", error.hint, spec.source))
    return voices, faults


def _resolve_speaker(spec: SpeakerSpec, folder: Path, settings: Settings, language: str) -> ResolvedVoice:
    model = spec.model
    if model and ("/" in model or (folder / model).exists()):
        check_inside([folder / model], settings.paths.allowed_roots)
    if model and not Path(model).is_absolute() and (folder / model).exists():
        model = str((folder / model).resolve())
    voice = resolve(
        settings,
        engine=spec.engine,
        voice=spec.voice,
        model=model,
        speaker=spec.speaker,
        language=spec.language,
        speed=spec.speed,
        pitch=spec.pitch,
        volume_db=spec.volume_db,
        style=spec.style,
    )
    return voice if voice.language else replace(voice, language=language)
