"""What people give by mistake: one clear error that names the file, the place and the remedy; nothing is written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.scripts import script_text, sentence

from demod_voice.cli import main
from demod_voice.config import load_settings
from demod_voice.episode.outputs import outputs_for
from demod_voice.media.wav import read_wav

pytestmark = pytest.mark.usefixtures("fake_engine")
ROOT = Path(__file__).resolve().parents[2]
GOOD = script_text([sentence(1), sentence(2)])


@dataclass(frozen=True)
class Ended:
    code: int
    error: str


@pytest.fixture
def render(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run ``episode render`` on a script's bytes; its exit code and what it said on stderr."""

    def run(content: bytes | str, output: str = "show.mp3", name: str = "show.md") -> Ended:
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        capsys.readouterr()
        code = main(["episode", "render", str(tmp_path / name), "-o", str(tmp_path / output)])
        return Ended(code, capsys.readouterr().err)

    return run


def speaking(text: str) -> str:
    """A script whose second line is ``text``."""
    return GOOD + f"\nAda: {text}\n"


SCRIPTS: dict[str, tuple[bytes | str, tuple[str, ...]]] = {
    "empty": ("", ("show.md", "empty", "episode new")),
    "only white space": (" \n\t\n", ("show.md", "empty")),
    "only a front matter": ("---\ntitle: x\nspeakers: {Ada: low}\n---\n", ("show.md", "no lines")),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 9, ("show.md", "binary")),
    "a NUL byte": (speaking("before\0after"), ("show.md:16", "NUL")),
    "Latin-1": (GOOD.encode() + "\nAda: Caf\xe9\n".encode("latin-1"), ("show.md:16", "not UTF-8", "iconv")),
    "ten megabytes in a line": (speaking("word " * (2 << 20)), ("show.md", "10.0 MB", "limits.script_size")),
    "one megabyte in a line": (speaking("word " * 200_000), ("show.md:16", "characters", "20000")),
    "punctuation alone": (speaking("... !?"), ("show.md:16", "nothing can be said")),
    "emoji alone": (speaking("🎉🎉 👍🏽"), ("show.md:16", "nothing can be said")),
    "a speaker that nobody defined": (GOOD + "\nAdda: Hello.\n", ("show.md:16", "Adda", "did you mean Ada?")),
    "a speaker with a voice that is not there": (
        GOOD.replace("voice: low", "voice: lo"),
        ("Ada", "lo", "low"),
    ),
    "an engine that does not exist": (GOOD.replace("fake", "fak", 1), ("show.md:4", "fak", "fake")),
    "an unknown tag": (speaking("Hello [paus 1s] there."), ("show.md:16", "[paus 1s]", "pause")),
    "a wrong type": (GOOD.replace("voice: low", "speed: fast"), ("show.md:6", "speed", "number")),
    "YAML that is none": ("---\ntitle: [x\n---\nAda: Hello.\n", ("show.md:", "YAML")),
}


@pytest.mark.parametrize("what", SCRIPTS)
def test_a_bad_script_is_one_clear_error_before_any_work(render, tmp_path: Path, what: str) -> None:
    content, words = SCRIPTS[what]
    ended = render(content)
    assert ended.code == 2
    for word in words:
        assert word in ended.error
    assert "Traceback" not in ended.error
    assert len(ended.error) < 2000
    assert [path.name for path in tmp_path.iterdir() if path.name != "home" and path.suffix not in (".md", "")] in (
        [],
        ["show.demod"],
    )


def test_every_fault_of_a_script_is_in_one_report(render) -> None:
    ended = render(speaking("[paus]").replace("voice: low", "voise: low") + "\nBenn: Hello.\n")
    assert ended.code == 2
    for word in ("voise", "[paus]", "Benn"):
        assert word in ended.error


def test_check_tells_the_faults_of_text_keys_engines_and_voices_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = GOOD.replace("title:", "titel:").replace("voice: low", "voice: lowe").replace("voice: high", "spped: 2")
    bad = bad.replace("speakers:", "speakers:\n  Cy: {engine: fak}\n  Di: {engine: piper}")
    (tmp_path / "show.md").write_text(bad + "\nCy: Hello.\n\nDi: Hello.\n")
    assert main(["episode", "check", str(tmp_path / "show.md")]) == 2
    error = capsys.readouterr().err
    place = str(tmp_path / "show.md")
    for row, words in {
        2: "unknown key titel",
        4: "speaker Cy: there is no engine 'fak'",
        5: "speaker Di: engine piper needs a voice",
        6: "speaker Ada: engine fake has no voice 'lowe'",
        11: "unknown key speakers.Ben.spped",
    }.items():
        assert f"{place}:{row}: {words}" in error, error


def test_a_render_that_fails_before_its_first_take_leaves_no_work_folder(render, tmp_path: Path) -> None:
    ended = render(GOOD.replace("voice: low", "voice: lo"))
    assert (ended.code, (tmp_path / "show.demod").exists()) == (2, False)
    assert "show.md:4: speaker Ada: engine fake has no voice 'lo'" in ended.error


def test_a_refusal_does_not_say_run_again(render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = render(speaking(r"Bad \[\[refuse\]\] line."))
    assert ended.code == 4
    assert "run the same command again" not in ended.error
    assert len(list((tmp_path / "show.demod" / "takes").glob("*.wav"))) == 2


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        ("show", 2, ("show", "no extension", "show.mp3")),
        ("show.xyz", 2, ("xyz", "mp3")),
        ("none/show.mp3", 7, ("none/show.mp3", "does not exist", "mkdir -p")),
        ("show.md", 2, ("md",)),
        ("/proc/show.mp3", 7, ("/proc/show", "another output folder")),
    ],
)
def test_a_bad_output_is_one_clear_error(render, output: str, code: int, words: tuple[str, ...]) -> None:
    ended = render(GOOD, output)
    assert ended.code == code
    for word in words:
        assert word in ended.error


def test_an_output_folder_that_cannot_be_written_to(render, tmp_path: Path, small_disk) -> None:
    """Root may write where permissions forbid it, but not to a disk that is mounted read-only."""
    disk = small_disk(1)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    ended = render(GOOD, f"{disk.name}/show.mp3")
    assert ended.code == 7
    assert "no permission to write there" in ended.error
    assert "another output folder" in ended.error


def test_a_full_disk(render, tmp_path: Path, small_disk) -> None:
    disk = small_disk(1)
    ended = render(script_text([sentence(number) for number in range(40)]), f"{disk.name}/show.mp3")
    assert ended.code == 7
    assert "full" in ended.error
    assert not (disk / "show.mp3").exists()


@pytest.mark.parametrize("part", ["script", "output"])
def test_paths_outside_the_allowed_roots(render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    (tmp_path / "inside").mkdir()
    monkeypatch.setenv("DEMOD_VOICE_PATHS__ALLOWED_ROOTS", str(tmp_path / "inside"))
    ended = render(
        GOOD, "inside/show.mp3" if part == "script" else "show.mp3", "inside/show.md" if part == "output" else "show.md"
    )
    assert ended.code == 2
    assert "outside the allowed folders" in ended.error
    assert str(tmp_path / "inside") in ended.error


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("crash", ("SIGSEGV",)),
        ("kill", ("SIGKILL", "out of memory")),
        ("abort", ("SIGABRT",)),
        ("exit 3", ("3",)),
        ("raise", ("asked to fail",)),
        ("bug", ("a bug in the engine",)),
        ("oom", ("memory",)),
        ("badframe", ("protocol",)),
        ("hang", ("was silent for 2 s", "engines.timeouts")),
        ("flood", ("fake",)),
    ],
)
def test_an_engine_that_fails_is_named_with_the_line_and_the_rest_is_kept(
    render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marker: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DEMOD_VOICE_ENGINES__TIMEOUTS__SPEAK", "2")
    monkeypatch.setenv("DEMOD_VOICE_ATTEMPTS", "1")
    ended = render(speaking(rf"Bad \[\[{marker}\]\] line."))
    assert ended.code == 4
    for word in ("1 of 3 lines", "show.md:16", "fake", "run the same command again", *words):
        assert word in ended.error, ended.error
    assert not (tmp_path / "show.mp3").exists()
    assert len(list((tmp_path / "show.demod" / "takes").glob("*.wav"))) == 2


def test_an_engine_that_is_not_installed_says_the_command(render, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMOD_VOICE_ENGINES__FAKE__PYTHON")
    ended = render(GOOD)
    assert ended.code == 4
    assert "engine fake is not installed" in ended.error
    assert "demod-voice engines install fake" in ended.error


@pytest.mark.parametrize(
    "text",
    [
        "שלום עולם, زين",  # right to left
        "e\u0301\u0327\u0301 combining",
        "mixed \u202eright\u202c to left",
        "x" * 5000,
        "a\u200bb\ufeffc",
        "ﷺ ㎏ ½ Ⅷ",
        "𝕳𝖊𝖑𝖑𝖔 🎉 mixed",
    ],
)
def test_odd_text_that_can_be_said_is_said(render, tmp_path: Path, text: str) -> None:
    ended = render(speaking(text), "show.wav")
    assert ended.code == 0, ended.error
    assert read_wav(tmp_path / "show.wav").duration_s > 1.0
    transcript = (tmp_path / "show.vtt").read_text()
    assert transcript.count("<v ") >= 3


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("jobs: many\n", ("config.yaml:1", "jobs")),
        ("loudness:\n  mono_lufs: loud\nsed: 3\n", ("config.yaml:2", "mono_lufs", "config.yaml:3", "sed", "seed")),
        ("- a list\n", ("config.yaml",)),
        ("seed: [\n", ("config.yaml",)),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(render, config: str, words: tuple[str, ...]) -> None:
    folder = Path(os.environ["XDG_CONFIG_HOME"]) / "demod-voice"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    ended = render(GOOD)
    assert ended.code == 2
    for word in words:
        assert word in ended.error, ended.error


def test_a_machine_reads_the_same_error_as_json(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])}
    arguments = ["episode", "render", str(tmp_path / "none.md"), "-o", str(tmp_path / "x.mp3"), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "demod_voice", *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "none.md does not exist" in json.dumps(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("name", ["show.demod", "show.manifest.json", "show.vtt"])
def test_a_link_beside_the_output_leads_out_of_no_allowed_root(
    render, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "inside" / name).symlink_to(tmp_path / "out" / name)
    monkeypatch.setenv("DEMOD_VOICE_PATHS__ALLOWED_ROOTS", str(tmp_path / "inside"))
    ended = render(GOOD, "inside/show.mp3", "inside/show.md")
    assert (ended.code, "outside the allowed folders" in ended.error) == (2, True)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(("name", "output"), [("ep.manifest.json", "ep.wav"), ("ep.metrics.json", "ep.mp3")])
def test_a_render_does_not_overwrite_its_own_script(render, tmp_path: Path, name: str, output: str) -> None:
    ended = render("{}", output, name)
    assert (ended.code, f"would overwrite {tmp_path / name}" in ended.error) == (2, True)
    assert (tmp_path / name).read_text() == "{}"


def test_a_render_does_not_overwrite_a_recording_that_it_reads(render, tmp_path: Path) -> None:
    (tmp_path / "interview.wav").write_bytes(b"an hour with a president")
    ended = render(speaking("[audio interview.wav] Good morning."), "interview.wav")
    assert (ended.code, "interview.wav, which it reads" in ended.error) == (2, True)
    assert (tmp_path / "interview.wav").read_bytes() == b"an hour with a president"


def test_a_name_too_long_for_what_lies_beside_it_is_told_before_any_work(render, tmp_path: Path) -> None:
    ended = render(GOOD, f"{'long' * 57}.wav")
    assert (ended.code, "manifest.json: the name is too long" in ended.error) == (7, True)
    assert [each.name for each in tmp_path.iterdir()] == ["show.md"]


def test_a_format_is_the_same_in_capitals_as_a_suffix_and_as_a_flag(tmp_path: Path) -> None:
    outputs = outputs_for(tmp_path / "x.WAV", ("MP3",), load_settings())
    assert {name: path.name for name, path in outputs.audio.items()} == {"wav": "x.WAV", "mp3": "x.mp3"}
