"""``demod-voice speak``: files of every format, and raw samples on stdout while they are made."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from demod_voice.api.speaking import pcm_s16le
from demod_voice.audio.clip import Clip
from demod_voice.cli import main
from demod_voice.speech.reading import PARAGRAPH_GAP_S

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("fake_engine", "odd_engine")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "demod_voice", "speak", *(str(each) for each in arguments)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])}


def speak(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*arguments), env=environment(), input=given, capture_output=True, check=False)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a", "opus"])
def test_a_file_of_each_format(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    out = tmp_path / f"hello.{suffix}"
    code = main(["speak", "Hello there, this is a sentence.", "--engine", "fake", "-o", str(out), "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    report = json.loads(captured.out)
    assert report["path"] == str(out)
    assert 1.0 < report["duration_s"] < 3.0
    assert out.stat().st_size > 1000
    if suffix in ("wav", "flac"):
        assert soundfile.info(out).duration == pytest.approx(report["duration_s"], abs=0.001)
    assert not list(tmp_path.glob(".tmp-*"))


def test_the_same_words_give_the_same_bytes_and_what_a_kill_left_is_swept(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / f".tmp-{dead.pid}-0123abcd-b.opus").write_bytes(bytes(100))
    (tmp_path / f".tmp-{os.getpid()}-0123abcd-b.opus").write_bytes(b"of a living process")
    for name in ("a.opus", "b.opus"):
        assert main(["speak", "Hello there.", "--engine", "fake", "-o", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.opus").read_bytes() == (tmp_path / "b.opus").read_bytes()
    assert [each.name for each in tmp_path.glob(".tmp-*")] == [f".tmp-{os.getpid()}-0123abcd-b.opus"]


def test_text_from_a_file_and_from_stdin(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\ufeffFirst paragraph here.\n\n\n!!!\n\nSecond one.\n")
    assert speak("--file", path, "--engine", "odd", "-o", tmp_path / "a.wav").returncode == 0
    assert speak("-", "--engine", "odd", "-o", tmp_path / "b.wav", given=path.read_bytes()).returncode == 0
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    spoken = 0.05 * (len("First paragraph here.") + len("Second one."))
    assert soundfile.info(tmp_path / "a.wav").duration == pytest.approx(spoken + PARAGRAPH_GAP_S, abs=0.01)


def test_raw_samples_on_stdout_and_their_format_on_stderr() -> None:
    done = speak("Hello there.", "--engine", "odd", "-o", "-")
    assert done.returncode == 0, done.stderr
    samples = np.frombuffer(done.stdout, "<i2")
    assert len(samples) == pytest.approx(len("Hello there.") * 0.05 * 16_000, abs=2)
    assert np.abs(samples).max() == pytest.approx(0.25 * 32767, abs=3)
    assert b"16-bit little-endian, 16000 Hz, 1 channel" in done.stderr
    assert speak("Hello there.", "--engine", "odd").stdout == done.stdout, "a pipe needs no -o"


@pytest.mark.slow
def test_the_first_sound_comes_before_the_last_is_made() -> None:
    text = "Hello there, this comes at once.\n\nThis comes later. [[slow 2.0]]"
    process = subprocess.Popen(
        command(text, "--engine", "fake", "-o", "-"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    first = process.stdout.read(1000)
    at_first = time.monotonic()
    rest = process.stdout.read()
    assert process.wait() == 0
    assert len(first) == 1000
    assert len(rest) > 10_000
    assert time.monotonic() - at_first > 1.0


def test_sound_is_not_written_to_a_terminal() -> None:
    parent, child = pty.openpty()
    try:
        process = subprocess.Popen(
            command("Hello", "--engine", "odd", "-o", "-"), env=environment(), stdout=child, stderr=subprocess.PIPE
        )
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 2
        assert b"not written to a terminal" in errors
        assert b"-o FILE.wav" in errors
        assert not select.select([parent], [], [], 0.1)[0]
    finally:
        os.close(parent)
        os.close(child)


def test_a_reader_that_goes_away_is_no_disaster() -> None:
    process = subprocess.Popen(
        command("Hello there. " * 200, "--engine", "odd", "-o", "-"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(100)
    process.stdout.close()
    errors = process.stderr.read()
    process.wait(60)
    process.stderr.close()
    assert b"Traceback" not in errors


@pytest.mark.slow
def test_flags_reach_the_engine(tmp_path: Path) -> None:
    log = tmp_path / "log"
    flags = ("--engine", "odd", "--voice", "loud", "--speed", "2", "--style", f"log={log}", "--seed", "7")
    assert speak("Hello there.", *flags, "-o", tmp_path / "a.wav").returncode == 0
    assert speak("Hello there.", *flags[:-1], "8", "-o", tmp_path / "b.wav").returncode == 0
    one, two = (line.split(" ", 4) for line in log.read_text().splitlines())
    assert one[1] == "2.0"
    assert one[0] != two[0]


@pytest.mark.slow
def test_markup_is_obeyed_where_it_is_asked_for(tmp_path: Path) -> None:
    text = (
        "Some words <prosody rate='2'>and more of them</prosody> here. [pause 2s] Then <sub alias='the end'>END</sub>."
    )
    flags = ("--engine", "odd", "--markup", "--style", f"log={tmp_path / 'log'}")
    assert speak(text, *flags, "-o", tmp_path / "a.wav").returncode == 0
    asked = [line.split(" ", 4) for line in (tmp_path / "log").read_text().splitlines()]
    assert [(row[1], row[4]) for row in asked] == [
        ("1.0", "Some words,"),
        ("2.0", "and more of them,"),
        ("1.0", "here."),
        ("1.0", "Then the end."),
    ]
    assert soundfile.info(tmp_path / "a.wav").duration > 2.0 + 0.05 * len("Some words here. Then the end.")
    streamed = speak(text, *flags[:-2], "-o", "-")
    assert len(streamed.stdout) / 2 / 16_000 == pytest.approx(soundfile.info(tmp_path / "a.wav").duration, abs=0.02)


def test_faults_of_markup_and_of_a_lexicon_have_their_lines(tmp_path: Path) -> None:
    done = speak(
        "One.\n\nTwo <emphasiss>words</emphasiss>.\n\n\n[sfx a.wav] [pauze 1s] three", "--engine", "odd", "--markup"
    )
    assert done.returncode == 2
    for words in (
        b"the text:3: unknown tag <emphasiss>",
        b"did you mean <emphasis>",
        b":6: sound files",
        b":6: unknown tag [pauze",
    ):
        assert words in done.stderr
    (tmp_path / "words.yaml").write_text("words: {GIF: {sya: x}}\n")
    done = speak("A GIF", "--engine", "odd", "--lexicon", tmp_path / "words.yaml", "-o", tmp_path / "a.wav")
    assert (done.returncode, b"words.yaml:1: unknown key" in done.stderr) == (2, True)


def test_a_lexicon_is_heard(tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("words: {GIF: graphics format}\n")
    flags = ("--engine", "odd", "--style", f"log={tmp_path / 'log'}", "--lexicon", tmp_path / "words.yaml")
    assert speak("A GIF.", *flags, "-o", tmp_path / "a.wav").returncode == 0
    assert (tmp_path / "log").read_text().endswith(" A graphics format.\n")


def test_what_is_not_honoured_is_said(tmp_path: Path) -> None:
    done = speak("Hello there.", "--engine", "odd", "--pitch", "1.5", "-o", tmp_path / "a.wav")
    assert done.returncode == 0
    assert b"not honoured by odd: pitch" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "neither TEXT nor --file"),
        (("Hi", "--file", "x"), 2, "both TEXT and --file"),
        (("--file", "/no/such/file"), 2, "/no/such/file cannot be read"),
        (("...",), 2, "nothing to speak"),
        (("Hi", "--engine", "espaek"), 2, "espeak"),
        (("Hi", "--engine", "odd", "--voice", "lound"), 2, "did you mean loud"),
        (("Hi", "--engine", "odd", "--style", "mood"), 2, "not KEY=VALUE"),
        (("Hi", "--engine", "odd", "--speed", "50"), 2, "speed 50"),
        (("<silent> Hi", "--engine", "odd"), 4, "all silent"),
        (("<refuse> Hi", "--engine", "odd"), 4, "not with me"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = speak(*arguments, "-o", tmp_path / "a.wav")
    assert done.returncode == code, done.stderr
    assert words in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert list(tmp_path.glob("*.wav")) == []
    assert not list(tmp_path.glob(".tmp-*"))


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("a", 2, "has no extension"),
        ("a.xyz", 2, "wav, "),
        ("no/a.wav", 7, "mkdir -p"),
        ("folder.wav", 7, "it is a folder"),
    ],
)
def test_bad_outputs(tmp_path: Path, name: str, code: int, words: str) -> None:
    (tmp_path / "folder.wav").mkdir()
    done = speak("Hi there.", "--engine", "odd", "-o", tmp_path / name)
    assert (done.returncode, words in done.stderr.decode()) == (code, True), done.stderr


def test_text_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "text.bin").write_bytes(b"Hello \xff\xfe")
    done = speak("--file", tmp_path / "text.bin", "-o", tmp_path / "a.wav")
    assert done.returncode == 2
    assert b"not UTF-8 text (byte 6)" in done.stderr


def test_the_cache_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speak", "Hello there.", "--engine", "odd", "-o", str(tmp_path / "a.wav")]) == 0
    capsys.readouterr()
    main(["cache", "info", "--json"])
    info = json.loads(capsys.readouterr().out)
    assert info["takes"] == 1
    main(["cache", "prune", "--json"])
    assert json.loads(capsys.readouterr().out)["takes"] == 0
    main(["cache", "prune", "--max-size", "0", "--json"])
    assert json.loads(capsys.readouterr().out) == {"takes": 1, "num_bytes": info["num_bytes"]}
    assert main(["cache", "clear"]) == 0
    assert "removed 0 takes" in capsys.readouterr().out
    assert main(["cache", "info"]) == 0
    assert "5.0 GB" in capsys.readouterr().out


def test_samples_are_limited_not_wrapped() -> None:
    clip = Clip(np.array([[0.0, 1.0, -1.0, 2.0, -2.0, 0.5], [0.1, 0, 0, 0, 0, 0]], np.float32), 8000)
    samples = np.frombuffer(pcm_s16le(clip), "<i2").reshape(-1, 2)
    assert samples[:, 0].tolist() == [0, 32767, -32768, 32767, -32768, 16384]
    assert samples[0, 1] == 3277


@pytest.mark.usefixtures("espeak_engine")
def test_espeak_speaks_a_file_and_a_stream(tmp_path: Path) -> None:
    done = speak(
        "Hello from a real synthesizer.", "--engine", "espeak", "--voice", "en-us+f3", "-o", tmp_path / "a.wav"
    )
    assert done.returncode == 0, done.stderr
    sound, rate = soundfile.read(tmp_path / "a.wav")
    assert rate == 22_050
    assert 1.0 < len(sound) / rate < 4.0
    assert np.abs(sound).max() > 0.05
    streamed = speak("Hello from a real synthesizer.", "--engine", "espeak", "--voice", "en-us+f3", "-o", "-")
    assert len(streamed.stdout) / 2 / rate == pytest.approx(len(sound) / rate, abs=0.8)
