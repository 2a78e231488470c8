"""``X.report.html``: one file that shows an episode, for a person with a browser and nothing else.

An observation, like the metrics: it says which takes were spoken in this run. It asks for nothing from a network: style,
script and drawing are inside, and a policy in its head forbids everything but the sound file beside it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from demod_voice.episode.mixing import Mixed, Mixing
from demod_voice.episode.page import charts, tables
from demod_voice.episode.page.facts import Lane, Told, clock, line_facts, verdict
from demod_voice.episode.page.measures import SoundView, view
from demod_voice.episode.timing import Timing
from demod_voice.media.wav import wav_info
from demod_voice.mix.sources import Placement, clip_length
from demod_voice.records.atomic import write_text
from demod_voice.records.hashing import canonical_json
from demod_voice.records.steps import RunFolder, Step

PAGE = Path(__file__).parent / "page"
VIEW = "view.json"
VIEW_VERSION = 1
PLAYED = (".mp3", ".m4a", ".opus", ".ogg", ".flac", ".wav")
"""What browsers play, the smallest to fetch first."""


def sound_view(run: RunFolder, mixed: Mixed) -> SoundView:
    """What the page draws of the master, measured once for each master.

    Raises:
        MediaError: the master cannot be read.
    """
    step = Step(name="view", version=VIEW_VERSION, outputs=(VIEW,), inputs={mixed.path.name: mixed.sha256})

    def make(paths: Mapping[str, Path]) -> None:
        write_text(paths[VIEW], canonical_json(view(mixed.path).as_json()))

    run.run(step, make)
    return SoundView.from_json(json.loads((run.path / VIEW).read_text(encoding="utf-8")))


def begin_view(run: RunFolder, mixed: Mixed) -> Future[SoundView]:
    """``sound_view`` beside other work: it takes 2 s for half an hour of stereo."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="report")
    future = executor.submit(sound_view, run, mixed)
    executor.shutdown(wait=False)
    return future


def sources(timing: Timing) -> tuple[str, ...]:
    """For each segment, where this run had its take from."""
    takes = [each.take for each in timing.placed]
    return tuple("spoken" if take.spoken else "cached" if take.cached else "kept" for take in takes)


def lanes(mixing: Mixing) -> tuple[Lane, ...]:
    """The tracks that are no speaker's, with the stretches where they are heard."""
    rate = mixing.timing.sample_rate
    found = []
    for track in mixing.scene.tracks:
        if track.name not in mixing.plan.speakers:
            clips = [(each.start_sample / rate, _length_s(each, rate), each.path.name) for each in track.placements]
            found.append(Lane(track.name, tuple((start, start + length, name) for start, length, name in clips)))
    return tuple(found)


def _length_s(placement: Placement, rate: int) -> float:
    whole = clip_length(wav_info(placement.path), rate)
    return (whole if placement.num_samples is None else min(whole, placement.num_samples)) / rate


def write_report(path: Path, told: Told) -> None:
    """Write the page.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_text(path, page(told))


def page(told: Told) -> str:
    """The whole page."""
    story = told.story
    lines = line_facts(told)
    css, script = _file("report.css"), _file("report.js")
    return Template(_file("report.html")).substitute(
        policy=_policy(css, script),
        title=escape(story["title"]),
        css=css,
        script=script,
        subtitle=escape(_subtitle(told)),
        verdict=tables.verdict_html(verdict(told, lines)),
        figures=tables.figures_html(told, lines),
        player=_player(told.audio),
        timeline=charts.timeline(told, lines),
        degradations=tables.degradations_html(lines),
        formats=tables.formats_html(told),
        chapters=tables.chapters_html(told),
        options="".join(f"<option>{escape(name)}</option>" for name in story["speakers"]),
        takes=tables.takes_html(told, lines),
        synthetic=tables.synthetic_words(lines),
        voices=tables.voices_html(told, lines),
        engines=tables.engines_html(told),
        settings=tables.settings_html(told),
        footer=escape(f"Made {story['generation']['timestamp']} with seed {story['generation']['seed']}."),
    )


def _subtitle(told: Told) -> str:
    spoken = told.numbers
    parts = [told.story["language"], clock(told.story["duration_sec"])]
    parts += [f"{spoken['utterances_generated']} of {spoken['utterances_total']} lines spoken in this run"]
    if told.story.get("synthetic_speech"):
        parts.append("contains synthetic speech")
    return " · ".join(parts)


def _player(audio: Sequence[Path]) -> str:
    for suffix in PLAYED:
        for path in audio:
            if path.suffix.lower() == suffix:
                source = escape(quote(path.name))
                return (
                    f'<audio id="audio" controls preload="metadata" src="./{source}" aria-label="The episode"></audio>'
                )
    return ""


def _policy(css: str, script: str) -> str:
    """What the page may do: its own style and script by their hashes, the sound beside it, nothing else."""
    rules = {
        "default-src": "'none'",
        "style-src": _hash(css),
        "script-src": _hash(script),
        "media-src": "'self' file:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8")
