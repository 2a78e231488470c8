"""The page of a dataset: what it says is what the manifest holds, nothing in it runs, and it stays small."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import time
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from support.datasets import make_dataset
from support.signals import sine

from demod_voice.api import report_dataset
from demod_voice.config import load_settings
from demod_voice.config.settings import DEFAULTS
from demod_voice.dataset.judging.judge import GATES, reasons
from demod_voice.dataset.report import charts, tables, write_report
from demod_voice.dataset.report.facts import gates_of, margin, told_of
from demod_voice.dataset.report.page import page, samples
from demod_voice.dataset.report.phonemes import Coverage, coverage_of, sounds
from demod_voice.dataset.report.spectrogram import HEIGHT, WIDTH, spectrogram_png
from demod_voice.dataset.store import Dataset
from demod_voice.engines.pool import Pool
from demod_voice.errors import UsageError
from demod_voice.formats.dataset_manifest import Manifest, Segment, plain_row

NOTHING = Coverage()
HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(2)>\"' &amp;"
FINE = {
    "rms_dbfs": -22.0,
    "snr_db": 30.0,
    "clipping_ratio": 0.0,
    "hum_db": 0.0,
    "plosive_ratio": 0.0,
    "bandwidth_hz": 11000.0,
    "silence_ratio": 0.2,
    "speech_s": 6.0,
    "dc_offset": 0.0,
    "reverb_s": 0.4,
    "chars_per_s": 14.0,
}


class Read(HTMLParser):
    """Tags with their attributes, and the text that is seen."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._styled = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._styled = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._styled = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._styled else f" {data}"

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def judged(manifest: Manifest, seed: int = 1) -> Manifest:
    """The manifest with measures and reasons as a build leaves them."""
    rng = np.random.default_rng(seed)
    segments = []
    for each in manifest.segments:
        qc = {**FINE, "snr_db": round(float(rng.normal(20, 8)), 1), "reverb_s": round(float(rng.gamma(4, 0.12)), 2)}
        found = reasons(qc, DEFAULTS.dataset.gates, has_text=True)
        segments.append(replace(each, qc=qc, reasons=found))
    settings = {**manifest.settings, "gates": plain_row(DEFAULTS.dataset.gates), "asked": {"language": "en"}}
    return replace(manifest, segments=tuple(segments), settings=settings)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Manifest]:
    folder = tmp_path_factory.mktemp("report") / "data set #1"
    dataset = make_dataset(folder, recordings=4, segments=12, speakers=("anna", "ben"), anchors=2)
    with Dataset.writing(folder) as opened:
        manifest = judged(opened.manifest())
        opened.commit(manifest, "judged")
    return dataset, manifest


def html_of(made: tuple[Dataset, Manifest], manifest: Manifest | None = None, coverage: Coverage = NOTHING) -> str:
    dataset, own = made
    return page(told_of(manifest or own), coverage, dataset.path, dataset.path / "report" / "index.html")


def test_amounts_are_those_of_the_manifest(made: tuple[Dataset, Manifest]):
    told = told_of(made[1])
    kept = [each for each in made[1].segments if not each.quarantined]
    for split in ("train", "val", "test"):
        for name in ("anna", "ben"):
            mine = [each for each in kept if each.split == split and each.speaker == name]
            assert told.hours[split][name] == (len(mine), pytest.approx(sum(each.duration_s for each in mine)))
    assert sum(count for count, _ in told.reasons.values()) == sum(len(each.reasons) for each in told.rejected)
    assert len(told.kept) + len(told.rejected) == len(made[1].segments)
    assert {each: sum(pair) for each, pair in told.by_recording.items()} == {each.id: 12 for each in made[1].recordings}


def test_the_page_tells_what_a_person_should_know_first(made: tuple[Dataset, Manifest]):
    odd = replace(
        made[1],
        notes=("the split test is empty: there are few recordings",),
        skipped=({"name": "broken.mp3", "reason": "it ends in the middle of a frame"},),
    )
    text = " ".join(Read(html_of(made, odd)).text.split())
    first = text.index("Splits and speakers")
    for words in ("the split test is empty", "broken.mp3 was skipped: it ends in the middle", "are in quarantine"):
        assert text.index(words) < first
    for gate in GATES:
        assert gate.sentence in text
        assert all(key in text for key in gate.keys)


def test_every_link_leads_to_a_file(made: tuple[Dataset, Manifest]):
    dataset, manifest = made
    read = Read(html_of(made))
    addresses = [each["href"] for each in read.named("a")] + [each["src"] for each in read.named("audio")]
    assert len(addresses) > 20
    for address in addresses:
        assert Path(os.path.normpath(dataset.path / "report" / unquote(str(address)))).is_file(), address
    anchors = {f"../ref/{each.name}.wav" for each in manifest.anchors}
    assert anchors <= set(addresses)


def test_a_page_elsewhere_has_links_of_its_own(made: tuple[Dataset, Manifest], tmp_path: Path):
    dataset, manifest = made
    path = write_report(dataset, manifest, DEFAULTS, None, tmp_path / "sub" / "page.html")
    for each in Read(path.read_text()).named("a"):
        assert (path.parent / unquote(str(each["href"]))).is_file()


def test_hostile_names_and_texts_stay_text(made: tuple[Dataset, Manifest]):
    manifest = made[1]
    odd = replace(
        manifest,
        name=HOSTILE,
        notes=(HOSTILE,),
        created=HOSTILE,
        encoding=HOSTILE,
        split_method=HOSTILE,
        skipped=({"name": HOSTILE, "reason": HOSTILE},),
        dropped=tuple(replace(each, reason=HOSTILE, source=HOSTILE) for each in manifest.dropped),
        anchors=tuple(
            replace(each, name=HOSTILE, text=HOSTILE, speaker=HOSTILE, segment=HOSTILE) for each in manifest.anchors
        ),
        segments=tuple(
            replace(each, text=HOSTILE, speaker=HOSTILE, reasons=(HOSTILE,) if n % 2 else ())
            for n, each in enumerate(manifest.segments)
        ),
        recordings=tuple(
            replace(
                each,
                name=HOSTILE,
                codec=HOSTILE,
                speaker=HOSTILE,
                detector=HOSTILE,
                degraded=(HOSTILE,),
                source={"notes": [HOSTILE], "clipped_samples": 3},
                cleaning={"steps": [{"name": HOSTILE, "applied": False, "why": HOSTILE}]},
            )
            for each in manifest.recordings
        ),
    )
    html = html_of(made, odd, Coverage({HOSTILE: 3}, 1, 1))
    read = Read(html)
    assert read.named("script") == []
    assert all(str(each["src"]).startswith("data:image/png;base64,") for each in read.named("img"))
    assert not any(name.startswith("on") for _, attrs in read.tags for name in attrs)
    assert html.count("<style>") == 1
    assert read.text.count("alert(1)") > 20
    missing = html_of(made, odd, Coverage(missing=HOSTILE))
    assert Read(missing).named("script") == []


def test_the_policy_forbids_all_but_pictures_and_the_datasets_sound(made: tuple[Dataset, Manifest]):
    metas = Read(html_of(made)).named("meta")
    policy = next(str(each["content"]) for each in metas if each.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_the_same_dataset_gives_the_same_bytes(made: tuple[Dataset, Manifest]):
    dataset, manifest = made
    first = write_report(dataset, manifest, DEFAULTS).read_bytes()
    assert write_report(dataset, manifest, DEFAULTS).read_bytes() == first


@pytest.mark.parametrize("emptied", ["segments", "recordings", "all rejected", "measures"])
def test_an_odd_dataset_has_a_page(made: tuple[Dataset, Manifest], emptied: str):
    manifest = made[1]
    odd = {
        "segments": replace(manifest, segments=(), anchors=(), dropped=()),
        "recordings": replace(manifest, segments=(), recordings=(), anchors=(), dropped=()),
        "all rejected": replace(manifest, segments=tuple(replace(each, reasons=("x",)) for each in manifest.segments)),
        "measures": replace(manifest, segments=tuple(replace(each, qc={}) for each in manifest.segments), settings={}),
    }[emptied]
    html = html_of(made, odd, Coverage(missing="None."))
    assert "NaN" not in html
    assert "nan%" not in html
    assert ('class="verdict bad"' in html) is (emptied != "measures"), "nothing is kept"


def test_a_clip_that_is_missing_is_told(made: tuple[Dataset, Manifest], tmp_path: Path):
    html = page(told_of(made[1]), Coverage(), tmp_path, tmp_path / "report" / "index.html")
    assert html.count("cannot be read") == len(samples(told_of(made[1])))
    assert "data:image/png" not in html


@pytest.mark.slow
def test_a_hundred_thousand_clips_are_a_small_page_soon(made: tuple[Dataset, Manifest]):
    manifest = made[1]
    rows = manifest.segments
    many = tuple(
        replace(rows[n % len(rows)], id=f"{rows[n % len(rows)].id}{n}", start_s=float(n)) for n in range(100_000)
    )
    recordings = tuple(replace(manifest.recordings[n % 4], id=f"r{n}") for n in range(2000))
    recordings = (*manifest.recordings, *recordings)
    dropped = manifest.dropped * 5000
    large = replace(manifest, segments=many, recordings=recordings, dropped=dropped)
    start = time.process_time()
    html = html_of(made, large)
    assert time.process_time() - start < 15
    assert len(html.encode()) < 5_000_000


def segment(name: str, **more: object) -> Segment:
    row = Segment(name, "r", 0.0, 1.0, 1.0, "Text.", "anna", "train", "0" * 64, qc=FINE)
    return replace(row, **more)  # type: ignore[arg-type]


def test_clips_near_a_gate_are_listed_by_that_gate(made: tuple[Dataset, Manifest]):
    rows = [
        segment("far"),
        segment("noisy", qc={**FINE, "snr_db": 5.2}),
        segment("echo", qc={**FINE, "reverb_s": 1.15}),
        segment("unknown", qc={}),
    ]
    told = told_of(replace(made[1], segments=tuple(rows), recordings=()))
    assert [(each.id, gate.name) for each, gate in told.nearest[:2]] == [("noisy", "snr"), ("echo", "reverb")]
    assert "unknown" not in {each.id for each, _ in told.nearest}
    assert tables.beside(rows[1], told.nearest[0][1], told.gates) == "snr: 5.2 dB (at least 5)"


def test_the_margin_of_a_gate_is_below_zero_where_it_rejects():
    gates = DEFAULTS.dataset.gates
    for gate in GATES:
        if not gate.measure:
            continue
        for value in (-50.0, -0.02, 0.0, 0.03, 0.5, 4.5, 20.0, 45.0, 6000.0):
            row = segment("x", qc={**FINE, gate.measure: value})
            found = margin(row, gate, gates)
            assert found is not None
            assert (found < 0) is (gate.name in reasons(row.qc, gates, has_text=True))


def test_cleaning_is_told_with_its_measures():
    told = {
        "before": {"noise_floor_dbfs": -52.14, "snr_db": 26.0},
        "after": {"noise_floor_dbfs": -70.0, "snr_db": None},
        "steps": [
            {"name": "hum", "applied": False, "why": "there is none"},
            {"name": "loudness", "applied": True, "before": {"lufs": -23.0, "a": 1}, "after": {"lufs": -19.0}},
            "odd",
        ],
    }
    words = "noise floor -52.1 to -70.0 dBFS; hum: not done (there is none); loudness (-23.0 to -19.0 LUFS)"
    assert tables.cleaning_words(told) == words
    assert tables.cleaning_words({}) == tables.cleaning_words({"steps": "x", "before": 3}) == ""


def test_a_review_is_a_reason(made: tuple[Dataset, Manifest]):
    rows = (segment("a", review="rejected"), segment("b", reasons=("snr",), review="accepted"))
    told = told_of(replace(made[1], segments=rows, recordings=()))
    assert dict(told.reasons) == {"review": (1, 1.0)}
    assert [each.id for each in told.kept] == ["b"]


def test_thresholds_are_those_that_the_manifest_was_judged_by(made: tuple[Dataset, Manifest]):
    stored = {"gates": {"snr_min_db": 12.0, "unknown": 3, "hum_max_db": "high"}}
    gates = gates_of(stored)
    assert (gates.snr_min_db, gates.hum_max_db) == (12.0, DEFAULTS.dataset.gates.hum_max_db)
    assert "at least 12 dB" in Read(html_of(made, replace(made[1], settings=stored))).text


def test_many_speakers_share_a_colour(made: tuple[Dataset, Manifest]):
    rows = tuple(segment(f"s{n}", speaker=f"p{n:02d}", duration_s=1.0 + n) for n in range(20))
    told = told_of(replace(made[1], segments=rows, recordings=()))
    assert told.speakers == (*(f"p{n:02d}" for n in range(19, 12, -1)), "others")
    assert told.hours["train"]["others"] == (13, pytest.approx(sum(1.0 + n for n in range(13))))


def test_a_histogram_counts_every_clip_once():
    rng = np.random.default_rng(1)
    shown = charts.Histogram("Level", "dBFS", rng.normal(-20, 3, 500), rng.normal(-45, 1, 100), -40.0)
    svg = charts.histogram(shown)
    titles = [
        re.search(r": (\d+) kept, (\d+) rejected", each) for each in set(re.findall(r"<title>(.*?)</title>", svg))
    ]
    assert sum(int(each[1]) for each in titles if each) == 500
    assert sum(int(each[2]) for each in titles if each) == 100
    assert "at least -40" in svg


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0], [0.0], [1e-9, 2e-9], [0.1, 0.2, 1e6], [-1e9, 1e9]])
def test_a_histogram_of_odd_values_is_drawn(values: list[float]):
    svg = charts.histogram(charts.Histogram("x", "s", np.array(values), np.zeros(0), 0.0, 1e3))
    assert "<svg" in svg
    assert "nan" not in svg
    assert "inf" not in svg.replace("information", "")


def test_a_spectrogram_shows_a_tone_where_it_is():
    tone = np.concatenate([sine(3000.0, 1.0, -6.0, 24000)[0], np.zeros(24000, np.float32)])
    columns, rows, pixels = unpacked(spectrogram_png(tone, 24000))
    assert (columns, rows) == (pixels.shape[1], HEIGHT)
    assert columns <= WIDTH
    brightest = pixels.argmax(axis=0)[: columns * 2 // 5]
    assert np.abs(brightest - HEIGHT * (1 - 3000 / 12000)).max() <= 2
    assert pixels[:, columns * 3 // 5 :].max() == 0


@pytest.mark.parametrize("samples", [0, 1, 100, 24000 * 60])
def test_a_spectrogram_of_any_length_is_a_picture(samples: int):
    columns, _, _ = unpacked(spectrogram_png(np.zeros(samples, np.float32), 24000))
    assert 1 <= columns <= WIDTH


def unpacked(png: bytes) -> tuple[int, int, np.ndarray]:
    """Width, height and indices of a PNG, every checksum checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, parts = 8, {}
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + size]
        assert zlib.crc32(name + data) == struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0]
        parts[name] = data
        at += 12 + size
    columns, rows, depth, colour, *_ = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert (depth, colour, len(parts[b"PLTE"]) % 3) == (8, 3, 0)
    lines = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(rows, columns + 1)
    assert not lines[:, 0].any()
    assert lines[:, 1:].max() < len(parts[b"PLTE"]) // 3
    return columns, rows, lines[:, 1:]


def test_sounds_are_letters_with_their_marks():
    assert sounds("həˈloʊ wˈɜːld") == ["h", "ə", "l", "o", "ʊ", "w", "ɜː", "l", "d"]
    assert sounds("t͡ʃɪp ɑ̃ pʰ") == ["t͡ʃ", "ɪ", "p", "ɑ̃", "pʰ"]
    assert sounds(" ˈ. ") == []


def test_the_sounds_of_the_texts_are_counted_by_an_engine():
    rows = [segment(str(n), text="Ship ahoy.") for n in range(5)]
    with Pool(load_settings()) as pool:
        found = coverage_of(rows, "en", pool)
        assert found.counts["ʃ"] == 5
        assert found.counts["h"] == 5
        assert list(found.counts.values()) == sorted(found.counts.values(), reverse=True)
        unknown = coverage_of(rows, "tlh", pool)
    assert (unknown.counts, unknown.texts) == ({}, 0)
    assert "tells no sounds of language 'tlh'" in unknown.missing
    assert coverage_of([segment("a", text=" ")], "en", None).missing == "The clips have no texts."
    assert coverage_of(rows, "en", None).missing


@pytest.mark.slow
def test_the_command_writes_the_page(made: tuple[Dataset, Manifest]):
    dataset, _ = made
    done = run("report", str(dataset.path), "--json")
    assert done.returncode == 0, done.stderr
    path = dataset.path / "report" / "index.html"
    assert json.loads(done.stdout)["report"] == str(path)
    first = path.read_text()
    assert "as espeak would say them" in first
    assert report_dataset(dataset.path, settings=load_settings()) == path
    assert path.read_text() == first
    refused = run("report", str(dataset.path.parent))
    assert refused.returncode == 2
    assert "is no dataset" in refused.stderr
    with pytest.raises(UsageError, match="is a folder"):
        report_dataset(dataset.path, dataset.path.parent)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demod_voice", "dataset", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
