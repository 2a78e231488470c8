"""The report: self-contained, safe with any text, and true to the master that it shows."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from support.scripts import script_text, sentence
from support.signals import sine, tones, wav

from demod_voice.api.episodes import render_episode
from demod_voice.config import load_settings
from demod_voice.episode.page.facts import BAD, FINE, LOOK, Lane, Told, line_facts, verdict
from demod_voice.episode.page.measures import COLUMNS, MOMENTARY, SHORT_TERM, SoundView, thin, view
from demod_voice.episode.report import page
from demod_voice.mix.loudness import Meter

RATE = 24000
HOSTILE = '</script><script>alert(1)</script> <img src=x onerror=alert(1)> " onmouseover="alert(1) & ]]> --> ${x}'


class Reader(HTMLParser):
    """Elements with their attributes, and the text that a person would see."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.bodies: dict[str, list[str]] = {}
        self.words: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        self.bodies.setdefault(self._inside, []).append(data)
        self.words.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> SoundView:
    """20 s: a tone that is loud from 5 to 10 s, usual to 15 s, and soft after."""
    levels = [(-16.0, 5.0), (-9.0, 5.0), (-16.0, 5.0), (-40.0, 5.0)]
    return view(wav(tmp_path_factory.mktemp("sound") / "x.wav", tones(levels, RATE, 1), RATE, "pcm_s16le"))


def told(sound: SoundView, text: str = "Hello.", **changes: object) -> Told:
    """A report of four lines of five seconds."""
    segment = {
        "speaker": text,
        "text": text,
        "line": 3,
        "synthetic": True,
        "seed": 5,
        "attempt": 0,
        "engine": text,
        "degraded": [],
    }
    story = {
        "title": text,
        "language": "en",
        "duration_sec": 20.0,
        "speakers": [text],
        "segments": [{**segment, "start_sec": 5.0 * number, "end_sec": 5.0 * number + 5.0} for number in range(4)],
        "chapters": [{"title": text, "start_sec": 0.0, "end_sec": 20.0}],
        "audio_files": {"mp3": "a b.mp3"},
        "generation": {"timestamp": text, "seed": 1, "settings": {text: [text], "loudness": {"true_peak_dbtp": -1.0}}},
        "loudness": {
            "master": {"target_lufs": -19.0, "lufs": -19.0, "true_peak_dbtp": -1.2, "lra_lu": 4.0, "on_target": True},
            "files": {
                "mp3": {"duration_s": 20.0, "lufs": -19.1, "true_peak_dbtp": -1.1, "corrected_db": 0.4, "within": True}
            },
        },
        "voices": {text: {"engine": text, "voice": text, "language": text, "consent": text, "licence": text}},
        "engines": [{"engine": text, "output_version": 1, "model": text, "model_revision": text}],
        "synthetic_speech": True,
        "warnings": [],
        **changes,
    }
    lane = Lane("music 1", ((0.0, 20.0, text),))
    numbers = {"utterances_generated": 1, "utterances_total": 4, text: text}
    return Told(story, numbers, ("spoken", "cached", "kept", "kept"), (Path("a b.mp3"),), sound, (lane,))


def test_loudness_over_time_is_that_of_the_meter(sound: SoundView, tmp_path: Path):
    meter = Meter(RATE, 1)
    meter.push(sine(1000.0, 3.0, -9.0, RATE))
    short = sound.windows(SHORT_TERM)
    assert short.max() == pytest.approx(meter.integrated(), abs=0.1)
    assert len(short) == 200 - SHORT_TERM + 1
    assert len(sound.windows(MOMENTARY)) == 200 - MOMENTARY + 1
    assert sound.loudness(6.0, 9.0) - sound.loudness(1.0, 4.0) == pytest.approx(7.0, abs=0.1)


def test_the_waveform_shows_peak_and_rms(sound: SoundView):
    assert len(sound.peaks) == len(sound.levels) == COLUMNS
    assert len(sound.peaks) * sound.column_s == pytest.approx(sound.duration_s, rel=0.001)
    middle = COLUMNS * 7 // 20
    assert sound.peaks[middle] == pytest.approx(10 ** (-9 / 20), rel=0.01)
    assert sound.levels[middle] == pytest.approx(10 ** (-9 / 20) / np.sqrt(2), rel=0.03)


def test_a_sound_of_any_length_is_drawn(tmp_path: Path):
    for samples in (1, 100, RATE // 10, COLUMNS * 3 + 1):
        found = view(wav(tmp_path / "x.wav", np.full((2, samples), 0.5, np.float32), RATE))
        assert max(found.peaks) == 0.5
        assert 1 <= len(found.peaks) <= COLUMNS
        assert SoundView.from_json(json.loads(json.dumps(found.as_json()))) == found
        assert "</html>" in page(told(found))


def test_a_thinned_curve_keeps_its_highest_points():
    values = np.arange(5000.0) % 977
    points = thin(values, 100)
    assert len(points) <= 100
    assert max(value for _, value in points) == values.max()


def test_lines_that_are_too_loud_or_too_quiet_are_found(sound: SoundView):
    lines = line_facts(told(sound))
    assert [each.faults[0].partition(":")[0] if each.faults else "" for each in lines] == ["", "loud", "", "quiet"]
    assert lines[1].level_lu == pytest.approx(-9 - 3.01 + 19, abs=0.3)
    assert [each.source for each in lines] == ["spoken", "cached", "kept", "kept"]


def test_a_recording_is_told_as_one(sound: SoundView):
    report = told(sound)
    report.story["segments"][0] |= {"text": "", "synthetic": False, "recording": {"file": "interview.wav"}}
    first = line_facts(report)[0]
    assert (first.source, first.text) == ("recording", "[interview.wav]")
    assert "3 of 4 lines are synthetic speech; the others are recordings" in page(report)


def test_the_verdict_comes_first_and_is_the_worst_that_is_known(sound: SoundView):
    even = SoundView(20.0, 1.0, (0.5,) * 20, (0.3,) * 20, (-19.0,) * 200)
    fine = told(even)
    assert verdict(fine, line_facts(fine)).mark == FINE
    look = told(sound)
    assert verdict(look, line_facts(look)).mark == LOOK
    noted = told(even, notes=["not for commercial use: Ada: CPML"])
    assert verdict(noted, line_facts(noted)).mark == LOOK
    assert "not for commercial use: Ada: CPML" in page(noted)
    bad = told(even, warnings=["mp3: -17.00 LUFS, outside the target"])
    assert verdict(bad, line_facts(bad)).mark == BAD
    html = page(bad)
    assert html.index("-17.00 LUFS, outside the target") < html.index('class="cards"') < html.index('id="timeline"')


def test_where_rms_counts_it_is_shown_against_its_limits(sound: SoundView):
    report = told(sound, mix={"preset": "acx"})
    assert "between -23 and -18 dBFS" not in page(told(sound, mix={"preset": "apple"}))
    for rms, mark in ((-20.0, "✓ met"), (-17.5, "✗ missed")):
        report.story["loudness"]["master"]["rms_dbfs"] = rms
        assert re.search(
            rf"<b>{rms} dBFS</b> <span class=\"\w+\">{mark}</span><small>between -23 and -18", page(report)
        )


def test_hostile_text_stays_text(sound: SoundView):
    html = page(told(sound, HOSTILE, warnings=[HOSTILE]))
    reader = read(html)
    assert sum(tag == "script" for tag, _ in reader.elements) == 1
    assert not [tag for tag, _ in reader.elements if tag in ("img", "iframe", "link", "base", "object")]
    assert not [name for _, attrs in reader.elements for name in attrs if name.startswith("on") or name == "style"]
    assert "".join(reader.words).count("<img src=x onerror=alert(1)>") >= 10
    assert len(html) < 200_000


def test_the_page_asks_for_nothing_but_the_sound_beside_it(sound: SoundView):
    reader = read(page(told(sound)))
    links = [
        value for _, attrs in reader.elements for name, value in attrs.items() if name in ("src", "href") and value
    ]
    assert "./a%20b.mp3" in links
    assert all(link == "./a%20b.mp3" or link.startswith("#t") for link in links)
    policy = next(attrs["content"] for _, attrs in reader.elements if "http-equiv" in attrs)
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256("".join(reader.bodies[name][:1]).encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_it_can_be_read_with_a_screen_reader(sound: SoundView):
    reader = read(page(told(sound)))
    tags = [tag for tag, _ in reader.elements]
    assert tags.count("h1") == 1
    assert tags.count("table") == tags.count("caption")
    assert all("scope" in attrs for tag, attrs in reader.elements if tag == "th")
    assert all(attrs.get("aria-label") for tag, attrs in reader.elements if tag == "audio")
    ids = [attrs["id"] for _, attrs in reader.elements if "id" in attrs]
    assert len(ids) == len(set(ids))


@pytest.mark.usefixtures("fake_engine")
def test_a_render_writes_it_and_leaves_the_other_results_alone(rendered, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    show = rendered(script_text([sentence(number) for number in range(4)]))
    report = show.with_name("show.report.html")
    html = report.read_text()
    assert len(re.findall(r'<tr role="row" id="t\d+"', html)) == 4
    assert '<audio id="audio" controls preload="metadata" src="./show.wav"' in html
    assert "lines spoken in this run" in html
    story = show.with_name("show.manifest.json")
    before = story.read_bytes()
    assert b"report" not in before
    settings = load_settings()
    silent = replace(settings, episode=replace(settings.episode, report=False))
    render_episode(show.with_suffix(".md"), show, settings=silent)
    assert not report.exists(), "an old report would tell of another run"
    assert story.read_bytes() == before
