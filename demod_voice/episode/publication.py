"""Publish a mastered episode: every format at once, tags and marking, chapters, transcripts, and its item of a feed.

``prepare_publication`` finds what is wrong before any work is done; ``publish_episode`` does the work.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.manifest import chapter_marks, episode_id
from demod_voice.episode.outputs import Outputs
from demod_voice.episode.plan import Plan
from demod_voice.episode.timing import Timing
from demod_voice.formats.cues import Cue, SpokenWord
from demod_voice.formats.script import ChapterNote
from demod_voice.formats.transcript import write_json_transcript, write_srt, write_vtt
from demod_voice.media.pictures import Picture, read_picture
from demod_voice.media.tags import ChapterMark, Tags
from demod_voice.publish.chapters import LinkedChapter, write_chapters
from demod_voice.publish.export import ExportReport, Master, export
from demod_voice.publish.feed import MIME, Item, MediaFile, Transcript, address, episode_guid, item_xml, moment
from demod_voice.publish.licences import VoiceLicence, check_policy, marking
from demod_voice.records.atomic import write_text
from demod_voice.records.hashing import hash_bytes, hash_file
from demod_voice.records.progress import Progress
from demod_voice.records.steps import RunFolder, Step

EXPORT_VERSION = 4
GENRE = "Podcast"
ENCLOSURE_ORDER = ("mp3", "m4a", "m4b", "opus", "ogg", "flac", "wav")
"""Which format a feed offers first: what most players can play."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What goes out with an episode, known before any work is done."""

    plan: Plan
    cover: Picture | None
    licences: tuple[VoiceLicence, ...]
    """Of every voice that a machine speaks with; empty when every line is a recording."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was published."""

    exports: Mapping[str, ExportReport]
    """Format -> what was measured in the file."""
    hashes: Mapping[str, str]
    """File name -> SHA-256."""
    item: Item
    """The episode, for a feed."""


def prepare_publication(plan: Plan, folder: Path, settings: Settings, progress: Progress) -> Publication:
    """Read the cover and look at the licences.

    Args:
        plan: the episode.
        folder: where the cover is looked for.
        settings: licence policy and allowed roots.
        progress: told what directories would say against the cover or the date.

    Raises:
        UsageError: a voice that the licence policy refuses.
        MediaError: the cover is no picture.
    """
    licences = voice_licences(plan)
    check_policy(licences, settings.publish.licence_policy)
    meta = plan.script.metadata
    cover = None
    if meta.get("cover"):
        path = folder / meta["cover"]
        check_inside([path], settings.paths.allowed_roots)
        cover = read_picture(path)
        for advice in cover.advice:
            progress.note(f"{meta['cover']}: {advice}")
    if meta.get("date") and moment(meta["date"]) is None:
        progress.note(f"the date {meta['date']!r} is not as 2026-01-31: the feed gets the moment of the first render")
    return Publication(plan, cover, licences)


def voice_licences(plan: Plan) -> tuple[VoiceLicence, ...]:
    """The licence of every voice that speaks a synthetic line, in the order of the script's speakers."""
    speaking = {line.speaker for line in plan.lines if not line.recorded}
    return tuple(
        VoiceLicence(name, voice.engine.name, voice.licence) for name, voice in plan.voices.items() if name in speaking
    )


def publish_episode(
    publication: Publication,
    run: RunFolder,
    outputs: Outputs,
    master: Master,
    timing: Timing,
    settings: Settings,
    progress: Progress,
) -> Published:
    """Write everything that leaves the house but the manifest.

    Raises:
        MediaError: an encoder failed. OutputError: a file cannot be written.
    """
    chapters = _chapters(publication.plan, timing, settings)
    exports, hashes = _export_all(publication, run, outputs, master, chapters, settings, progress)
    plan = publication.plan
    cues = cues_of(timing)
    write_vtt(outputs.vtt, cues)
    write_srt(outputs.srt, cues)
    write_json_transcript(outputs.transcript, cues)
    if chapters:
        write_chapters(outputs.chapters, plan.script.title, plan.script.metadata.get("author", ""), chapters)
    else:
        outputs.chapters.unlink(missing_ok=True)
    item = _item(plan, outputs, timing, run.created, bool(chapters), settings.publish.base_url)
    write_text(outputs.item, item_xml(item))
    texts = (outputs.vtt, outputs.srt, outputs.transcript, *([outputs.chapters] if chapters else []), outputs.item)
    return Published(exports, {**hashes, **{path.name: hash_file(path) for path in texts}}, item)


def cues_of(timing: Timing) -> list[Cue]:
    """What is said when."""
    rate = timing.sample_rate
    cues = []
    for each in timing.placed:
        begin = each.start / rate
        words = tuple(SpokenWord(word.text, begin + word.start_s, begin + word.end_s) for word in each.take.words)
        cues.append(Cue(begin, each.end / rate, each.line.speaker, each.line.source.text, words))
    return cues


def _chapters(plan: Plan, timing: Timing, settings: Settings) -> list[LinkedChapter]:
    found = []
    for title, start, end in chapter_marks(plan, timing):
        note = plan.script.chapter_notes.get(title, ChapterNote())
        whole = "://" in note.image or not note.image
        image = note.image if whole else address(settings.publish.base_url, note.image)
        found.append(LinkedChapter(start, end, title, image, note.url))
    return found


def _export_all(
    publication: Publication,
    run: RunFolder,
    outputs: Outputs,
    master: Master,
    chapters: list[LinkedChapter],
    settings: Settings,
    progress: Progress,
) -> tuple[dict[str, ExportReport], dict[str, str]]:
    """Each format is a step of its own; they are encoded beside each other, and the order changes no byte."""
    tags = tags_of(publication, settings)
    marks = [ChapterMark(each.start_s, each.end_s, each.title) for each in chapters]
    cover = {"cover": hash_bytes(tags.cover.data)} if tags.cover is not None else {}

    def make_one(name: str, path: Path) -> tuple[ExportReport, str]:
        step = Step(
            name=f"export.{name}",
            version=EXPORT_VERSION,
            outputs=(f"../{path.name}",),
            inputs={"master": master.sha256, **cover},
            params={
                "format": name,
                "encode": asdict(settings.encode),
                "loudness": asdict(settings.loudness),
                "target_lufs": master.target_lufs,
                "tags": asdict(replace(tags, cover=None)),
                "chapters": [asdict(mark) for mark in marks],
            },
        )

        def make(paths: Mapping[str, Path]) -> Mapping[str, Any]:
            report = export(master, paths[step.outputs[0]], name, settings, tags, marks)
            return {key: value for key, value in asdict(report).items() if key != "path"}

        record = run.run(step, make)
        return ExportReport(path=path, **record.facts), record.hashes[step.outputs[0]]

    progress.start("export", len(outputs.audio), "files")
    with ThreadPoolExecutor(max_workers=_processors(), thread_name_prefix="export") as pool:
        futures = {pool.submit(make_one, name, path): name for name, path in outputs.audio.items()}
        for _ in as_completed(futures):
            progress.advance("export")
        made = {name: future.result() for future, name in futures.items()}
    progress.finish("export")
    hashes = {outputs.audio[name].name: sha256 for name, (_, sha256) in made.items()}
    return {name: report for name, (report, _) in made.items()}, hashes


def tags_of(publication: Publication, settings: Settings) -> Tags:
    """What a player shows of the episode, and what a machine reads of its voices."""
    script, meta = publication.plan.script, publication.plan.script.metadata
    return Tags(
        title=script.title,
        artist=meta.get("author", ""),
        album=meta.get("album", ""),
        date=meta.get("date", ""),
        comment=meta.get("description", ""),
        extra=marking(publication.licences, settings.publish.licence_policy),
        genre=meta.get("genre", GENRE),
        track=meta.get("episode", ""),
        language=publication.plan.language,
        cover=publication.cover,
    )


def _item(plan: Plan, outputs: Outputs, timing: Timing, created: str, chapters: bool, base_url: str) -> Item:
    meta = plan.script.metadata
    files = [
        MediaFile(address(base_url, outputs.audio[name].name), outputs.audio[name].stat().st_size, MIME[name])
        for name in ENCLOSURE_ORDER
        if name in outputs.audio
    ]
    transcripts = (
        Transcript(address(base_url, outputs.vtt.name), "text/vtt"),
        Transcript(address(base_url, outputs.srt.name), "application/x-subrip"),
        Transcript(address(base_url, outputs.transcript.name), "application/json"),
    )
    published = moment(meta.get("date", "")) or datetime.fromisoformat(created)
    return Item(
        title=plan.script.title,
        guid=meta.get("guid") or episode_guid(meta.get("album", ""), episode_id(plan)),
        published=published,
        enclosure=files[0],
        duration_s=timing.num_samples / timing.sample_rate,
        description=meta.get("description", ""),
        language=plan.language,
        alternates=tuple(files[1:]),
        episode=meta.get("episode", ""),
        season=meta.get("season", ""),
        link=meta.get("link", ""),
        transcripts=transcripts,
        chapters_url=address(base_url, outputs.chapters.name) if chapters else "",
        people=plan.speakers,
    )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
