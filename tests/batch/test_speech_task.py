"""The task ``speech``: rows become files, by real engines; the same bytes in any order and with any number of workers."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.batch_rows import contents, rows_of, run_rows

from demod_voice.api.speaking import speak_to_file
from demod_voice.audio.clip import mono
from demod_voice.batch.speech.speaking import told as cleaned
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.types import DONE, FAILED, SKIPPED, Row
from demod_voice.config import load_settings
from demod_voice.config.folders import cache_folder
from demod_voice.errors import OutputError, UsageError
from demod_voice.media.foreign import probe
from demod_voice.media.wav import read_wav, wav_info, write_wav
from demod_voice.mix.loudness import measure
from demod_voice.voices.choice import VoiceChoice

Make = Callable[..., SpeechTask]


def lines(count: int, **cells: str) -> list[Row]:
    return rows_of([{"text": f"Line {n} is here.", "output": f"{n:03}.wav", **cells} for n in range(count)])


def test_a_row_is_what_speak_says(make: Make, tmp_path: Path, espeak_engine: Path) -> None:
    rows = rows_of([{"text": "Hello there.\n\nAnd again.", "output": "deep/er/a.wav", "voice": "en-us+f3"}])
    with make() as task:
        assert task.faults(rows[0]) == []
        assert task.verify_voices() == []
        record, timing = run_rows(task, rows)[1]
    spoken = speak_to_file("Hello there.\n\nAnd again.", tmp_path / "b.wav", VoiceChoice(voice="en-us+f3"))
    output = tmp_path / "out" / "deep" / "er" / "a.wav"
    assert output.read_bytes() == spoken.path.read_bytes()
    assert (record.status, record.output, record.engine) == (DONE, "deep/er/a.wav", "espeak")
    assert record.sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
    assert (record.num_bytes, record.mtime_ns) == (output.stat().st_size, output.stat().st_mtime_ns)
    assert record.audio_s == pytest.approx(spoken.duration_s, abs=1e-5)
    assert record.facts["voice"]["consent"] == "preset"
    assert (timing.number, timing.attempts, timing.cached) == (1, 1, False)


def test_any_order_and_any_jobs_give_the_same_bytes(make: Make, tmp_path: Path, espeak_engine: Path) -> None:
    rows = lines(24)
    with make(out="one") as task:
        first = run_rows(task, rows, jobs=1)
    with make(out="two", jobs=2) as task:
        second = run_rows(task, rows[::-1], jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert {n: each.sha256 for n, (each, _) in first.items()} == {n: each.sha256 for n, (each, _) in second.items()}
    assert {n: each.key for n, (each, _) in first.items()} == {n: each.key for n, (each, _) in second.items()}
    assert not (cache_folder() / "speech").exists(), "espeak speaks faster than the cache reads"
    assert not list((tmp_path / "one").rglob(".tmp-*"))


def test_formats_and_loudness(make: Make, tmp_path: Path, espeak_engine: Path) -> None:
    text = "A sentence that is long enough to be measured, and then a little longer."
    rows = rows_of(
        [
            {"text": text, "output": "a.mp3"},
            {"text": text, "output": "b", "format": "flac"},
            {"text": text, "output": "c.wav", "loudness": "-23"},
            {"text": text, "output": "d.opus", "loudness": "-19"},
            {"text": "A.", "output": "e.wav", "loudness": "-6"},
        ]
    )
    with make() as task:
        done = {number: each for number, (each, _) in run_rows(task, rows).items()}
    assert [done[n].output for n in range(1, 6)] == ["a.mp3", "b.flac", "c.wav", "d.opus", "e.wav"]
    out = tmp_path / "out"
    limits = load_settings().limits
    assert probe(out / "a.mp3", limits).tags["SYNTHETIC_SPEECH"] == "true"
    assert probe(out / "b.flac", limits).tags["SYNTHETIC_SPEECH"] == "true"
    heard = measure(out / "c.wav")
    assert heard.lufs == pytest.approx(-23.0, abs=0.1)
    assert heard.true_peak_dbtp <= -1.0
    assert (done[3].notes, done[4].notes) == ("", "")
    assert done[5].notes.startswith("loudness: ")
    assert measure(out / "e.wav").true_peak_dbtp <= -0.95


def test_a_scratch_folder_that_cannot_be_made_is_an_output_error(
    make: Make, tmp_path: Path, espeak_engine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of([{"text": "Hello.", "output": "a.mp3"}])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with make() as task, pytest.raises(OutputError, match="scratch: its folder does not exist"):
        run_rows(task, rows)


def test_what_a_key_depends_on(make: Make, espeak_engine: Path, tmp_path: Path) -> None:
    base = {"text": "Hello.", "output": "a.wav"}
    others = [
        {"text": "Hallo."},
        {"output": "b.wav"},
        {"seed": "7"},
        {"speed": "1.2"},
        {"voice": "en-us+f3"},
        {"language": "de"},
        {"loudness": "-20"},
        {"id": "x"},
        {"output": "a.flac"},
    ]
    rows = rows_of([base, dict(base), *({**base, **each} for each in others)])
    (tmp_path / "lexicon.yaml").write_text("words:\n  Hello: hullo\n")
    changed = load_settings(**{"encode.mp3_kbps": 64, "loudness.true_peak_dbtp": -2.0})
    with make() as task:
        keys = [task.job(row).key for row in rows]
        again = [task.job(row).key for row in rows]
    for other in (
        make(markup=True),
        make(lexicon=tmp_path / "lexicon.yaml"),
        make(voice=VoiceChoice(voice="en-us")),
    ):
        keys.append(other.job(rows[0]).key)
    encoded = len(again) - 1
    keys.append(make(settings=changed).job(rows[encoded]).key)
    assert make(settings=changed).job(rows[0]).key == keys[0], "no bit rate matters to a WAV"
    assert keys[: len(again)] == again
    assert keys[0] == keys[1]
    assert len(set(keys)) == len(keys) - 1


def test_the_voice_of_the_flags_is_for_rows_that_name_its_engine_too(
    make: Make, espeak_engine: Path, fake_engine: Path
) -> None:
    rows = rows_of([{"text": "Hi", "output": f"a{name}.wav", "engine": name} for name in ("", "espeak", "fake")])
    task = make(voice=VoiceChoice(voice="de+f3"))
    voices = [task.job(row).facts["voice"] for row in rows]
    assert [each.voice.voice.preset for each in voices] == ["de+f3", "de+f3", None]
    assert voices[0].identity == voices[1].identity != voices[2].identity


def test_faults_of_voices_and_texts(make: Make, tmp_path: Path, espeak_engine: Path) -> None:
    def told(task: SpeechTask, **cells: str) -> str:
        row = rows_of([{"text": "Hello.", "output": "a.wav", **cells}])[0]
        return " | ".join(f"{what} ({remedy})" for what, remedy in task.faults(row))

    write_wav(tmp_path / "short.wav", mono(np.zeros(2400, np.float32), 24000))
    (tmp_path / "text.wav").write_text("no sound")
    with make(consent="self") as task:
        assert told(task) == ""
        assert "did you mean espeak?" in told(task, engine="espeek")
        assert "does not speak 'xx'" in told(task, language="xx")
        assert "nothing in the text" in told(task, text="...")
        assert "20,000" in told(task, text="word " * 5000)
        assert "needs a voice" in told(task, engine="piper")
        assert "has no speakers" in told(task, engine="espeak", speaker="Ann")
        assert "no such.wav does not exist" in told(task, reference="no such.wav")
        assert "cannot clone" in told(task, engine="espeak", reference="short.wav")
        assert "0.10 s" in told(task, reference="short.wav")
        assert "text.wav" in told(task, reference="text.wav")
        assert "both a voice" in told(task, reference="short.wav", voice="x")
        assert "words of each reference" in told(task, reference="short.wav", engine="csm")
    with make() as task:
        assert "consent" in told(task, reference="short.wav")
    with make(markup=True) as task:
        assert "prosodi" in told(task, text="<prosodi rate='slow'>Hello</prosodi>")


def test_a_flag_that_is_wrong_is_told_once(make: Make) -> None:
    for voice, told in (
        (VoiceChoice(engine="espek"), "there is no engine 'espek'"),
        (VoiceChoice(speed=9.0), "speed 9 is outside 0.25 to 4"),
        (VoiceChoice(volume_db=99.0), "volume 99 dB is outside"),
        (VoiceChoice(language="e n"), "'e n' is not a language tag"),
    ):
        with pytest.raises(UsageError, match=told):
            make(voice=voice)
    with pytest.raises(UsageError, match="is neither a file"):
        make(consent="nobody.txt")


def test_an_unchecked_row_says_what_its_cells_lack(make: Make, espeak_engine: Path) -> None:
    task = make()
    for cells, told in (
        ({"text": "", "output": "a.wav"}, "the column text is empty"),
        ({"text": "?!", "output": "a.wav"}, "nothing in the text '?!' can be said"),
        ({"text": "Hello", "output": ""}, "the column output is empty"),
    ):
        with pytest.raises(UsageError, match=re.escape(told)):
            task.job(Row(1, 2, cells))


def test_verify_asks_each_engine_once_for_each_voice(make: Make, espeak_engine: Path, fake_engine: Path) -> None:
    rows = rows_of(
        [
            {"text": "One.", "output": "1.wav", "voice": "en-us"},
            {"text": "Two.", "output": "2.wav", "voice": "klingonish"},
            {"text": "Three.", "output": "3.wav", "voice": "klingonish"},
            {"text": "Four.", "output": "4.wav", "engine": "fake", "voice": "lower"},
        ]
    )
    with make() as task:
        assert [task.faults(row) for row in rows] == [[], [], [], []]
        found = task.verify_voices()
    assert [row.number for row, _, _ in found] == [2, 4]
    assert "klingonish" in found[0][1]


def test_the_seed_and_the_speech_cache_of_an_engine_that_draws(make: Make, tmp_path: Path, fake_engine: Path) -> None:
    rows = rows_of(
        [
            {"text": "The same text.", "output": "1.wav"},
            {"text": "The same text.", "output": "2.wav"},
            {"text": "The same text.", "output": "3.wav", "id": "x", "seed": "1"},
            {"text": "The same text.", "output": "4.wav", "id": "x", "seed": "2"},
        ]
    )
    voice = VoiceChoice(engine="fake")
    with make(out="one", voice=voice) as task:
        first = run_rows(task, rows)
    with make(out="two", voice=voice) as task:
        second = run_rows(task, rows, jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len({each.sha256 for each, _ in first.values()}) == 4
    assert [timing.cached for _, timing in first.values()] == [False] * 4
    assert [timing.cached for _, timing in second.values()] == [True] * 4
    off = load_settings(**{"cache.enabled": False})
    with make(out="three", voice=voice, settings=off) as task:
        run_rows(task, rows)
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_a_poisoned_row_fails_alone(make: Make, tmp_path: Path, fake_engine: Path) -> None:
    texts = ["Good one.", "[[crash]] Bad.", "Good two.", "[[refuse]] No.", "Good three."]
    rows = rows_of([{"text": text, "output": f"{n}.wav"} for n, text in enumerate(texts)])
    with make(voice=VoiceChoice(engine="fake")) as task:
        done = {number: each for number, (each, _) in run_rows(task, rows).items()}
    assert [done[n].status for n in range(1, 6)] == [DONE, FAILED, DONE, FAILED, DONE]
    assert done[2].error == "engine fake died (SIGSEGV)"
    assert (done[2].kind, done[4].kind) == ("EngineCrashed", "EngineRefused")
    assert sorted(contents(tmp_path / "out")) == ["0.wav", "2.wav", "4.wav"]


def test_an_engine_that_dies_at_every_row_is_given_up_and_the_rest_is_skipped(make: Make, fake_engine: Path) -> None:
    rows = rows_of([{"text": f"[[crash]] {n:02}.", "output": f"{n}.wav"} for n in range(12)])
    with make(voice=VoiceChoice(engine="fake")) as task:
        planned = task.plan([task.job(row) for row in rows])
        outcomes = [
            task.finish(each)[0] for unit in task.units(planned, frozenset(range(1, 13))) for each in task.speak(unit)
        ]
    assert [each.status for each in outcomes] == [FAILED] * 8 + [SKIPPED] * 4
    assert outcomes[-1].kind == "EngineGivenUp"


def test_errors_tell_no_path_of_this_run(make: Make, tmp_path: Path) -> None:
    with make(out="o p") as task:
        job = task.job(rows_of([{"text": "Hello.", "output": "x.mp3"}])[0])
    assert cleaned(f"cannot read {tmp_path}/x/speech.wav, pid 4711: gone", job) == "cannot read speech.wav, pid: gone"
    assert cleaned(f"cannot write {job.output.parent}/.tmp-17-0a1b2c3d-x.mp3: no", job) == "cannot write x.mp3: no"
    assert cleaned("use wav/flac or and/or 1/2", job) == "use wav/flac or and/or 1/2"


def test_units_are_full_and_grouped_by_voice(make: Make, espeak_engine: Path) -> None:
    cells = [{"text": "Word " * (40 - n), "output": f"{n}.wav", "voice": "en-us" if n % 2 else "de"} for n in range(40)]
    with make() as task:
        planned = task.plan([task.job(row) for row in rows_of(cells)])
        units = task.units(planned, frozenset(range(1, 41)))
        part = task.units(planned, frozenset([3, 5]))
        many = task.units(planned * 4, frozenset(range(1, 161)))
    assert [len(unit.jobs) for unit in units] == [10, 10, 10, 10]
    assert max(len(unit.jobs) for unit in many) == 16
    assert [{job.row.cell("voice") for job in unit.jobs} for unit in units] == [{"de"}, {"de"}, {"en-us"}, {"en-us"}]
    lengths = [len(job.row.cell("text")) for unit in units[:2] for job in unit.jobs]
    assert lengths == sorted(lengths)
    assert [[job.row.number for job in unit.jobs] for unit in part] == [[5], [3]]


def test_piper_rows(make: Make, tmp_path: Path, tiny_voice, engine_python, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__PIPER__PYTHON", str(engine_python("piper")))
    rows = lines(6, model=tiny_voice())
    with make(out="one") as task:
        assert [task.faults(row) for row in rows] == [[]] * 6
        first = run_rows(task, rows)
    with make(out="two", jobs=2, settings=load_settings(**{"cache.enabled": False})) as task:
        run_rows(task, rows, jobs=2)
    assert {each.status for each, _ in first.values()} == {DONE}
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_full_value_of_volume_keeps_the_takes_own_samples(make: Make, tmp_path: Path, espeak_engine: Path) -> None:
    rows = rows_of([{"text": "Loud.", "output": "a.wav"}, {"text": "Loud.", "output": "a.flac"}])
    with make(voice=VoiceChoice(volume_db=20.0)) as task:
        done = run_rows(task, rows)
    assert wav_info(tmp_path / "out" / "a.wav").encoding == "pcm_f32le"
    assert float(np.abs(read_wav(tmp_path / "out" / "a.wav").samples).max()) > 1.0
    assert (done[1][0].notes, done[2][0].notes) == ("", "volume: limited to full scale")


def test_the_licence_policy_is_kept(make: Make, tmp_path: Path, fake_engine: Path) -> None:
    engines = tmp_path / "engines"
    engines.mkdir()
    (engines / "bound").mkdir()
    text = (
        (fake_engine / "engine.toml")
        .read_text()
        .replace('"fake"', '"bound"')
        .replace('model = "MIT"', 'model = "CPML"')
    )
    (engines / "bound" / "engine.toml").write_text(text)
    (engines / "bound" / "worker.py").symlink_to(fake_engine / "worker.py")
    settings = load_settings(**{"engines.search_path": [str(engines)]})
    row = rows_of([{"text": "Hello.", "output": "a.flac", "engine": "bound"}])[0]
    refused = replace(settings, publish=replace(settings.publish, licence_policy="refuse"))
    with make(settings=refused) as task:
        assert "not free for commercial use" in task.faults(row)[0][0]
        with pytest.raises(UsageError):
            task.job(row)
    with make(settings=settings) as task:
        job = task.job(row)
    assert job.facts["voice"].facts()["licence_kind"] == "non-commercial"
