"""The faces of progress: bars, JSON lines, notes only, nothing."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.cli.progress import BarFace, JsonFace, PlainFace, QuietFace, make_face


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def events(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("mode", "quiet", "stream", "kind"),
    [
        ("auto", False, Terminal, BarFace),
        ("auto", False, io.StringIO, PlainFace),
        ("auto", True, Terminal, QuietFace),
        ("off", False, Terminal, PlainFace),
        ("json", False, io.StringIO, JsonFace),
        ("json", True, Terminal, JsonFace),
    ],
)
def test_which_face(mode, quiet, stream, kind):
    assert type(make_face(mode, quiet, stream())) is kind


def test_events_and_the_remaining_time():
    stream, clock = io.StringIO(), Clock()
    face = JsonFace(stream, clock)
    face.start("lines", 4, "line")
    for _ in range(4):
        clock.now += 2.0
        face.advance("lines")
    face.finish("lines")
    assert events(stream) == [
        {"step": "lines", "done": 0, "total": 4, "eta_s": None},
        {"step": "lines", "done": 1, "total": 4, "eta_s": 6.0},
        {"step": "lines", "done": 2, "total": 4, "eta_s": 4.0},
        {"step": "lines", "done": 3, "total": 4, "eta_s": 2.0},
        {"step": "lines", "done": 4, "total": 4, "eta_s": 0.0},
        {"step": "lines", "done": 4, "total": 4, "eta_s": 0.0},
    ]


def test_an_unknown_total_is_null():
    stream = io.StringIO()
    face = JsonFace(stream)
    face.start("download", 0, "MB")
    face.advance("download", 1.5)
    face.finish("download")
    assert [(each["done"], each["total"], each["eta_s"]) for each in events(stream)] == [
        (0, None, None),
        (1.5, None, None),
    ]


def test_at_most_ten_a_second_and_always_the_first_and_the_last():
    stream, clock = io.StringIO(), Clock()
    face = JsonFace(stream, clock)
    face.start("s", 10_000)
    for _ in range(10_000):
        clock.now += 0.001
        face.advance("s")
    face.finish("s")
    found = events(stream)
    assert found[0]["done"] == 0
    assert found[-1]["done"] == 10_000
    assert 90 <= len(found) <= 102


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0.0, 5.0), st.floats(0.0, 1.0)), max_size=40),
    st.sampled_from([0.0, 10.0]),
)
def test_events_never_go_back_and_end_at_the_sum(advances, total):
    stream, clock = io.StringIO(), Clock()
    face = JsonFace(stream, clock)
    for step in "ab":
        face.start(step, total)
    for step, amount, pause in advances:
        clock.now += pause
        face.advance(step, amount)
    for step in "ab":
        face.finish(step)
    for step in "ab":
        done = [each["done"] for each in events(stream) if each["step"] == step]
        assert done == sorted(done)
        assert done[-1] == pytest.approx(sum(amount for name, amount, _ in advances if name == step), abs=1e-3)
    assert all(each["eta_s"] is None or each["eta_s"] >= 0 for each in events(stream))


def test_notes_are_events_too():
    stream = io.StringIO()
    JsonFace(stream).note('a "note"\nof two lines')
    assert events(stream) == [{"note": 'a "note"\nof two lines'}]


def test_threads_do_not_tear_lines():
    stream = io.StringIO()
    face = JsonFace(stream)
    face.start("s", 800)

    def work() -> None:
        for number in range(100):
            face.advance("s")
            if number % 10 == 0:
                face.note("n")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    face.finish("s")
    assert events(stream)[-1] == {"step": "s", "done": 800, "total": 800, "eta_s": 0.0}
    assert sum("note" in each for each in events(stream)) == 80


def test_bars_show_the_step_and_leave_nothing_behind():
    stream = Terminal()
    face = BarFace(stream)
    face.start("Speaking", 3, "line")
    face.advance("Speaking")
    face.note("a fallback")
    face.close()
    text = stream.getvalue()
    assert "Speaking" in text
    assert "/3" in text
    assert "a fallback\n" in text
    assert text.endswith("\r")
    assert text[:-1].rpartition("\r")[2].isspace()


def test_a_step_that_was_not_announced_counts_without_an_end():
    face = BarFace(Terminal())
    face.advance("Unannounced", 2)
    assert (face._bars["Unannounced"].n, face._bars["Unannounced"].total) == (2, None)
    face.close()


def test_starting_a_step_again_is_a_new_bar():
    face = BarFace(Terminal())
    face.start("s", 3)
    face.advance("s", 3)
    face.start("s", 5)
    assert face._bars["s"].n == 0
    face.close()
    face.finish("s")


def test_bars_from_many_threads():
    face = BarFace(Terminal())
    face.start("s", 400)
    threads = [threading.Thread(target=lambda: [face.advance("s") for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert face._bars["s"].n == 400
    face.close()


def test_plain_shows_notes_only_and_quiet_nothing():
    stream = io.StringIO()
    for face in (PlainFace(stream), QuietFace()):
        face.start("s", 3)
        face.advance("s")
        face.note("seen")
        face.finish("s")
        face.close()
    assert stream.getvalue() == "seen\n"


def test_a_stderr_that_is_gone_does_not_stop_the_work():
    stream = io.StringIO()
    stream.close()
    face = JsonFace(stream)
    face.start("s", 1)
    face.note("x")
    PlainFace(stream).note("x")


CODE = """
import sys
from types import ModuleType
from demod_voice.cli import main
from demod_voice.cli.app import leaf

def run(args, app):
    app.progress.start("speak", 2, "line")
    app.progress.advance("speak")
    app.note("half way")
    app.progress.advance("speak")
    app.progress.finish("speak")
    app.emit({"ok": True}, "done")

module = ModuleType("demod_voice.cli.health")
module.register = lambda parser: leaf(parser, run)
sys.modules["demod_voice.cli.health"] = module
sys.exit(main(["health", *sys.argv[1:]]))
"""


def run_command(*argv: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-c", CODE, *argv], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_in_a_pipe_there_are_notes_and_no_bars():
    assert run_command() == ("done\n", "half way\n")
    assert run_command("--quiet") == ("done\n", "")
    assert run_command("--progress", "off") == ("done\n", "half way\n")


def test_json_events_are_on_stderr_and_the_result_on_stdout():
    out, err = run_command("--progress", "json", "--json")
    assert json.loads(out) == {"ok": True}
    found = [json.loads(line) for line in err.splitlines()]
    assert found[0] == {"step": "speak", "done": 0, "total": 2, "eta_s": None}
    assert found[-1]["done"] == 2
    assert {"note": "half way"} in found


@pytest.mark.parametrize("columns", [0, 60])
def test_on_a_terminal_there_are_bars(columns):
    text = _stderr_on_a_terminal([], columns)
    assert "speak" in text
    assert "half way\r\n" in text
    assert max(map(len, text.replace("\n", "\r").split("\r"))) <= (columns or 80)


def test_on_a_terminal_there_are_no_bars_with_quiet_or_off():
    assert _stderr_on_a_terminal(["--quiet"]) == ""
    assert _stderr_on_a_terminal(["--progress", "off"]) == "half way\r\n"


def _stderr_on_a_terminal(argv: list[str], columns: int = 80) -> str:
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", CODE, *argv], stdout=subprocess.DEVNULL, stderr=child)
    os.close(child)
    text = b""
    while True:
        try:
            block = os.read(parent, 65536)
        except OSError:
            break
        if not block:
            break
        text += block
    os.close(parent)
    assert process.wait(20) == 0
    return text.decode()
