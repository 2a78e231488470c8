"""``speaker embed|compare|verify|identify|calibrate`` on synthetic voices, by a stand-in that knows them by their pitch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.signals import noise, wav
from support.stand_ins import stand_in
from support.voices import RATE, voice_file

LOW, HIGH = 110.0, 230.0


@pytest.fixture(autouse=True)
def embedding_engine(home, monkeypatch, tmp_path_factory) -> None:
    made = stand_in("ecapa", tmp_path_factory.mktemp("ecapa"))
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__ECAPA__PYTHON", made.python)
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__ECAPA__MODEL", made.model)
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cpu")


@pytest.fixture
def voices(tmp_path) -> dict[str, str]:
    """Two files of a low voice, one of a high one, and one without any."""
    return {
        "low": str(voice_file(tmp_path / "low.wav", LOW)),
        "low2": str(voice_file(tmp_path / "low2.wav", LOW * 1.01, seed=2)),
        "high": str(voice_file(tmp_path / "high.wav", HIGH)),
        "none": str(wav(tmp_path / "none.wav", noise(1, 1.0, -90.0, RATE), RATE)),
    }


def test_vectors_are_written_and_always_in_the_same_bytes(cli, voices, tmp_path):
    for name in ("a.npz", "b.npz", "a.json"):
        found = cli("speaker", "embed", voices["low"], voices["high"], "-o", str(tmp_path / name), "--json")
        assert found.code == 0, found.err
    report = json.loads(found.out)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    kept = np.load(tmp_path / "a.npz")
    assert kept["vectors"].shape == (2, len(report["files"][0]["vector"]))
    assert np.linalg.norm(kept["vectors"], axis=1) == pytest.approx(1.0, abs=1e-5)
    assert list(kept["files"]) == [voices["low"], voices["high"]]
    assert json.loads(str(kept["about"])) == {"engine": "ecapa", "model": "pitch", "revision": "1", "threshold": 0.8}
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["files"][1]["vector"] == pytest.approx(kept["vectors"][1].tolist(), abs=1e-6)


def test_a_file_without_a_voice_or_sound_stops_no_other(cli, voices, tmp_path):
    (tmp_path / "bad.mp3").write_bytes(b"this is no sound" * 100)
    files = [voices["none"], str(tmp_path / "bad.mp3"), voices["low"]]
    found = cli("speaker", "embed", *files, "-o", str(tmp_path / "v.npz"), "--json")
    assert found.code == 6
    rows = json.loads(found.out)["files"]
    assert [each["vector"] is None for each in rows] == [True, True, False]
    assert rows[0]["reason"] == "no voiced sound"
    assert "bad.mp3" in rows[1]["reason"]
    assert np.isnan(np.load(tmp_path / "v.npz")["vectors"][:2]).all()
    assert "2 of 3 files" in found.err


def test_compare_tells_and_verify_ends_with_it(cli, voices):
    same = cli("speaker", "compare", voices["low"], voices["low2"], "--json")
    report = json.loads(same.out)
    assert report["same"] is True
    assert report["cosine"] > 0.9
    assert report["threshold"] == 0.8
    assert cli("speaker", "verify", voices["low"], voices["low2"]).code == 0
    two = cli("speaker", "verify", voices["low"], voices["high"])
    assert two.code == 6
    assert two.out.startswith("two speakers; cosine ")
    assert cli("speaker", "verify", voices["low"], voices["high"], "--threshold", "-1").code == 0
    assert cli("speaker", "compare", voices["low"], voices["high"], "--threshold", "1.5").code == 2


def test_a_file_without_a_voice_is_unknown(cli, voices):
    found = cli("speaker", "compare", voices["low"], voices["none"])
    assert found.code == 0
    assert found.out.startswith("unknown: ")
    assert "no voiced sound" in found.out
    assert cli("speaker", "verify", voices["low"], voices["none"]).code == 3


def test_identify_names_the_nearest_or_nobody(cli, voices, tmp_path):
    for name, pitch in (("anna", HIGH), ("ben", LOW)):
        (tmp_path / "speakers" / name).mkdir(parents=True)
        for number in (1, 2):
            voice_file(tmp_path / "speakers" / name / f"{number}.wav", pitch * (1 + 0.01 * number), seed=number)
    found = cli("speaker", "identify", voices["low"], "--among", str(tmp_path / "speakers"), "--json")
    report = json.loads(found.out)
    assert report["speaker"] == "ben"
    assert [name for name, _ in report["scores"]] == ["ben", "anna"]
    stranger = voice_file(tmp_path / "stranger.wav", 160.0)
    nobody = cli("speaker", "identify", str(stranger), "--among", str(tmp_path / "speakers"))
    assert nobody.code == 0
    assert "unknown: the nearest is" in nobody.out
    flat = tmp_path / "flat"
    flat.mkdir()
    for name, pitch in (("one", LOW), ("twin", LOW)):
        voice_file(flat / f"{name}.wav", pitch)
    twins = cli("speaker", "identify", voices["low"], "--among", str(flat))
    assert "nearly as near" in twins.out


def test_identify_among_saved_voices(cli, voices, tmp_path, fake_engine):
    assert cli("speaker", "identify", voices["low"], "--among", "voices").code == 2
    clip = voice_file(tmp_path / "anna.wav", HIGH, 8.0)
    made_of = ("--reference", str(clip), "--text", "Hello.", "--consent", "self")
    added = cli("voices", "add", "anna", "--engine", "fake", *made_of)
    assert added.code == 0, added.err
    found = cli("speaker", "identify", voices["high"], "--among", "voices")
    assert ": anna\n" in found.out


def trials(folder: Path, rows: list[str], name: str = "trials.csv") -> str:
    path = folder / name
    path.write_text("\n".join(rows) + "\n")
    return str(path)


def test_a_calibration_is_measured_kept_and_used(cli, voices, tmp_path):
    rows = ["label,first,second", "1,low.wav,low2.wav", "0,low.wav,high.wav", "0,low2.wav,high.wav"]
    few = cli("speaker", "calibrate", trials(tmp_path, rows))
    assert few.code == 6
    assert "cannot show a false-accept rate of 0.01" in few.err
    assert few.out.startswith("not kept: ")
    assert json.loads(cli("speaker", "compare", voices["low"], voices["low2"], "--json").out)["threshold"] == 0.8
    found = cli("speaker", "calibrate", trials(tmp_path, rows), "--json", "--far", "0.5")
    assert found.code == 0, found.err
    report = json.loads(found.out)
    rates = report["calibration"]["rates"]
    assert (rates["equal_error_rate"], rates["same"], rates["different"]) == (0.0, 1, 2)
    used = json.loads(cli("speaker", "compare", voices["low"], voices["low2"], "--json").out)
    assert used["threshold"] == rates["threshold"] != 0.8
    assert used["same"] is True
    spaces = ["1 low.wav low2.wav", "# a comment", "", "0 low.wav high.wav", "0 low2.wav high.wav"]
    again = cli("speaker", "calibrate", trials(tmp_path, spaces, "trials.txt"), "-o", str(tmp_path / "cal.json"))
    assert again.code == 0
    assert "cannot show a false-accept rate of 0.01" in again.err
    kept = json.loads((tmp_path / "cal.json").read_text())
    assert (kept["rates"]["same"], kept["rates"]["different"]) == (1, 2)
    assert (kept["engine"], kept["revision"]) == ("ecapa", "1")
    kept["revision"] = "another"
    (tmp_path / "other.json").write_text(json.dumps(kept))
    wrong = cli("speaker", "verify", voices["low"], voices["low2"], "--calibration", str(tmp_path / "other.json"))
    assert wrong.code == 2
    assert "other.json" in wrong.err


def test_pairs_that_say_nothing_are_left_out(cli, voices, tmp_path):
    rows = ["1,low.wav,low2.wav", "1,low2.wav,low.wav", "1,low.wav,low.wav", "0,low.wav,high.wav", "0,low.wav,high.wav"]
    found = cli("speaker", "calibrate", trials(tmp_path, rows), "--json", "-o", str(tmp_path / "cal.json"))
    assert found.code == 0, found.err
    rates = json.loads(found.out)["calibration"]["rates"]
    assert (rates["same"], rates["different"]) == (1, 1)
    assert "trials left out: 1 of a file with itself" in found.err
    assert "trials left out: 2 that were there already" in found.err
    other = cli("speaker", "calibrate", trials(tmp_path, [*rows, "0,low2.wav,low.wav"]))
    assert other.code == 2
    assert "trials.csv:6" in other.err
    assert "other label in row 1" in other.err


def test_too_little_speech_is_no_voice(cli, voices, tmp_path):
    short = voice_file(tmp_path / "short.wav", LOW, 0.6)
    found = cli("speaker", "verify", voices["low"], str(short))
    assert found.code == 3, found.out
    assert "short.wav: 0." in found.err
    assert "s of speech, and 1 s are needed" in found.err
    assert "unknown" in cli("speaker", "compare", voices["low"], str(short)).out
    (tmp_path / "among").mkdir()
    voice_file(tmp_path / "among" / "ben.wav", LOW)
    found = cli("speaker", "identify", str(short), "--among", str(tmp_path / "among"))
    assert "unknown: " in found.out
    assert "of speech" in found.out


def test_every_fault_of_the_trials_is_told(cli, voices, tmp_path):
    rows = ["1,low.wav", "maybe,low.wav,high.wav", "1,low.wav,gone.wav"]
    found = cli("speaker", "calibrate", trials(tmp_path, rows))
    assert found.code == 2
    assert "3 faults" in found.err
    for part in ("2 cells in place of 3", "'maybe' is no label", "gone.wav does not exist", "trials.csv:3"):
        assert part in found.err
    assert "no pair of two speakers" in cli("speaker", "calibrate", trials(tmp_path, ["1,low.wav,low2.wav"])).err
    silent = cli("speaker", "calibrate", trials(tmp_path, ["1,low.wav,low2.wav", "0,low.wav,none.wav"]))
    assert silent.code == 3
    assert "none.wav has no voice" in silent.err
    assert cli("speaker", "calibrate", trials(tmp_path, rows), "--far", "1").code == 2


@pytest.mark.parametrize("arguments", [["compare", "gone.wav", "gone.wav"], ["embed", "gone.wav"], ["embed", "."]])
def test_what_is_not_there_is_told(cli, arguments):
    assert cli("speaker", *arguments).code == 2


def test_an_output_of_no_known_kind_is_refused(cli, voices, tmp_path):
    found = cli("speaker", "embed", voices["low"], "-o", str(tmp_path / "v.txt"))
    assert found.code == 2
    assert ".json or .npz" in found.err
    nowhere = cli("speaker", "embed", voices["low"], "-o", str(tmp_path / "none" / "v.npz"))
    assert "its folder does not exist" in nowhere.err


def test_without_the_engine_its_installation_is_named(cli, voices, monkeypatch):
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__ECAPA__PYTHON")
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__ECAPA__MODEL")
    found = cli("speaker", "compare", voices["low"], voices["high"])
    assert found.code == 4
    assert "engines install ecapa" in found.err
