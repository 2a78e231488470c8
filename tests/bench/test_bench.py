"""``bench``: engines whose speed is known, what fails, the JSON, the tables and the comparison."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from demod_voice.api.bench import BenchOptions, bench_engines
from demod_voice.api.errors import EngineNotInstalled, UsageError
from demod_voice.bench.texts import LINES, QUICK_LINES, ROWS
from demod_voice.config import load_settings
from demod_voice.config.folders import cache_folder

FIGURES = {"load_s", "first_audio_s", "real_time_factor", "rows_per_minute", "peak_mb", "audio_s"}
SLOW_S = 0.2
SECONDS_PER_CHARACTER = 0.05


def texts(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def seconds(text: str) -> float:
    """How long the fake engine speaks it."""
    return sum(len(word) + 1 for word in text.split()) * SECONDS_PER_CHARACTER


@pytest.mark.slow
def test_the_figures_are_those_of_a_known_engine(fake_engine: Path, tmp_path: Path) -> None:
    """Each line takes 0.2 s and speaks 0.5 s: one worker takes turns, two halve the time."""
    lines = [f"[[slow {SLOW_S}]] {'word' * 2} "] * 4
    options = BenchOptions(("fake",), repeat=2, text=texts(tmp_path, *lines))
    found = bench_engines(options, settings=load_settings(jobs=2))
    (each,) = found.measured
    assert each.error == ""
    figures = each.figures
    assert set(figures) == FIGURES | {"rows_per_minute_jobs"}
    assert figures["audio_s"].runs == (pytest.approx(4 * seconds("wordword")),) * 2
    factor = SLOW_S / seconds("wordword")
    assert factor <= figures["real_time_factor"].min <= 2 * factor
    assert SLOW_S <= figures["first_audio_s"].min <= 4 * SLOW_S
    assert 150 < figures["rows_per_minute"].median <= 60 / SLOW_S
    assert 1.5 < figures["rows_per_minute_jobs"].median / figures["rows_per_minute"].median < 2.5
    assert 5 < figures["peak_mb"].median < 200
    assert 0.02 < figures["load_s"].median < 10
    for figure in figures.values():
        assert figure.min <= figure.median <= figure.max
        assert len(figure.runs) == 2
    assert (each.model, each.model_revision, each.device, each.voice) == ("sine", "1", "CPU", "low")


def test_two_engines_and_their_json(
    cli: Callable, fake_engine: Path, espeak_engine: Path, tmp_path: Path, empty_home: Path
) -> None:
    kept = tmp_path / "mine.json"
    done = cli("bench", "--quick", "--engine", "espeak", "--engine", "fake", "-o", str(kept), "--json", "--jobs", "1")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert json.loads(kept.read_text()) == found
    assert (found["schema"], found["repeat"], found["jobs"], found["lines"]) == (1, 1, 1, QUICK_LINES)
    assert set(found["machine"]) == {"cpu", "cores", "memory_mb", "gpus", "system", "python"}
    assert set(found["meanwhile"]) == {"load_before", "load_after", "others", "busy"}
    espeak, fake = found["measured"]
    assert (espeak["engine"], espeak["operation"], espeak["model"]) == ("espeak", "speak", "espeak-ng")
    for each in (espeak, fake):
        assert set(each["figures"]) == FIGURES
        assert set(each["figures"]["load_s"]) == {"median", "min", "max", "runs"}
    assert fake["figures"]["audio_s"]["median"] == pytest.approx(sum(map(seconds, LINES[:QUICK_LINES])), rel=1e-3)
    assert espeak["python"].startswith("3.")
    assert found["left_out"] == []
    assert not (cache_folder() / "speech").exists()


def test_one_that_fails_is_told_and_the_others_go_on(
    cli: Callable, fake_engine: Path, espeak_engine: Path, tmp_path: Path
) -> None:
    lines = texts(tmp_path, "[[crash]] one line", "another line")
    done = cli("bench", "--quick", "--engine", "fake", "--engine", "espeak", "--text", str(lines), "--jobs", "1")
    assert done.code == 4
    assert "fake speak failed: engine fake died (SIGSEGV)" in done.err
    assert "espeak" in done.out.split("speaks")[1]
    assert "fake" not in done.out.split("speaks")[1]


def test_own_lines_are_in_the_language_of_the_settings(espeak_engine: Path, tmp_path: Path) -> None:
    options = BenchOptions(("espeak",), quick=True, text=texts(tmp_path, "Fahrvergnuegen, Zeitgeist und 1234567."))
    english, german = (
        bench_engines(options, settings=load_settings(jobs=1, language=language)).measured[0].figures["audio_s"].median
        for language in ("en", "de")
    )
    assert abs(english - german) > 0.2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--engine", "xtts"), "run: demod-voice engines install xtts"),
        (("--engine", "espek"), "did you mean espeak?"),
        (("--engine", "piper"), "demod-voice engines install piper"),
    ],
)
def test_an_engine_that_is_asked_for_must_be_there(cli: Callable, words: tuple[str, ...], told: str) -> None:
    done = cli("bench", "--quick", *words)
    assert done.code == 4
    assert told in done.err
    assert done.out == ""


def test_an_engine_without_a_voice_says_what_it_needs(cli: Callable, engine_python: Callable, monkeypatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__PYTHON", str(engine_python("piper")))
    done = cli("bench", "--quick", "--engine", "piper")
    assert done.code == 2
    assert "engine piper needs a voice" in done.err


def test_a_model_brings_its_engine(
    cli: Callable, engine_python: Callable, tiny_voice: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__PYTHON", str(engine_python("piper")))
    done = cli("bench", "--quick", "--model", tiny_voice(), "--json", "--jobs", "1")
    assert done.code == 0, done.err
    (each,) = json.loads(done.out)["measured"]
    assert (each["engine"], each["error"]) == ("piper", "")
    assert each["figures"]["audio_s"]["median"] > 0
    refused = cli("bench", "--engine", "piper", "--engine", "espeak", "--model", tiny_voice())
    assert (refused.code, "a voice belongs to one engine" in refused.err) == (2, True)


@pytest.mark.slow
def test_engines_that_hear_are_given_a_recording(
    espeak_engine: Path, engine_python: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("vad", "pocketsphinx"):
        monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{name.upper()}__PYTHON", str(engine_python(name)))
    found = bench_engines(BenchOptions(("vad", "pocketsphinx"), quick=True), settings=load_settings(jobs=1))
    assert [(each.engine, each.operation, each.error) for each in found.measured] == [
        ("vad", "detect", ""),
        ("pocketsphinx", "transcribe", ""),
        ("pocketsphinx", "align", ""),
    ]
    for each in found.measured:
        assert set(each.figures) == {"load_s", "real_time_factor", "peak_mb", "audio_s"}
        assert 5 < each.figures["audio_s"].median < 15
    factor = {each.operation: each.figures["real_time_factor"].median for each in found.measured}
    assert factor["detect"] < factor["transcribe"]


def test_what_is_not_installed_is_listed(fake_engine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that installs itself and fails to is no reason to measure nothing."""
    for name in ("ESPEAK", "VAD", "POCKETSPHINX"):
        monkeypatch.setenv(f"DEMOD_VOICE_ENGINES__{name}__PYTHON", "/nowhere/python")
    found = bench_engines(BenchOptions(quick=True), settings=load_settings(jobs=1))
    assert {each.engine: bool(each.error) for each in found.measured} == {
        "espeak": True,
        "fake": False,
        "pocketsphinx": True,
        "vad": True,
    }
    left = {each.engine: each.hint for each in found.left_out}
    assert left["xtts"] == "run: demod-voice engines install xtts"
    assert set(left) == {"csm", "demucs", "ecapa", "piper", "whisper", "xtts"}


@pytest.mark.slow
def test_ratios_and_what_was_different(cli: Callable, fake_engine: Path, tmp_path: Path) -> None:
    then = tmp_path / "then.json"
    words = ("bench", "--quick", "--engine", "fake", "--jobs", "1")
    assert cli(*words, "-o", str(then)).code == 0
    data = json.loads(then.read_text())
    data["measured"][0]["figures"]["audio_s"]["median"] /= 2
    data["machine"]["cpu"] = "Another"
    data["measured"][0]["model_revision"] = "other"
    then.write_text(json.dumps(data))
    found = json.loads(cli(*words, "--compare", str(then), "--json").out)
    ratios = {each["figure"]: each for each in found["compared"]}
    assert set(ratios) == FIGURES
    assert ratios["audio_s"]["ratio"] == 2.0
    told = "\n".join(found["differences"])
    assert "processor: Another" in told
    assert "model sine other on CPU then, version 1, model sine 1 on CPU now" in told
    shown = cli(*words, "--compare", str(then)).out
    assert "2x" in shown
    assert "not the same as then:" in shown


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is no bench"),
        ("[1]", "is no bench"),
        ('{"schema": 1, "measured": []}', "is no bench"),
        ('{"schema": 99}', "has schema 99"),
        ("[" * 100000, "is no bench"),
        (None, "cannot read"),
    ],
)
def test_what_is_no_bench_is_refused_before_the_work(
    cli: Callable, tmp_path: Path, text: str | None, told: str
) -> None:
    path = tmp_path / "then.json"
    if text is not None:
        path.write_text(text)
    done = cli("bench", "--quick", "--engine", "espeak", "--compare", str(path))
    assert (done.code, told in done.err) == (2, True), done.err


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    for options, told in (
        (BenchOptions(repeat=0), "0 repetitions"),
        (BenchOptions(repeat=101), "101 repetitions"),
        (BenchOptions(text=texts(tmp_path, "", " ")), "0 lines to speak"),
    ):
        with pytest.raises(UsageError, match=told):
            bench_engines(options)
    with pytest.raises(EngineNotInstalled):
        bench_engines(BenchOptions(("nothing",)))


def test_the_json_must_have_a_place(cli: Callable, tmp_path: Path) -> None:
    done = cli("bench", "--engine", "espeak", "-o", str(tmp_path / "no" / "mine.json"))
    assert done.code == 7
    assert "its folder does not exist" in done.err


def test_the_fixed_sentences_are_words_for_every_engine() -> None:
    """No engine reads a number or a sign in its own way; every sentence fits the shortest limit that English has."""
    for text in (*LINES, *ROWS):
        assert text.isascii()
        assert not any(sign.isdigit() for sign in text)
        assert len(text) < 250
    assert len({*LINES, *ROWS}) == len(LINES) + len(ROWS)
