"""bin/demod-voice: set up once, whatever happens in between, then run."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from .conftest import PYTHON, ROOT, Checkout, make_checkout, make_wheel


def told(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """What the program in the checkout said: exactly one line of stdout."""
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    found: dict[str, object] = json.loads(line)
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[Checkout, subprocess.CompletedProcess[str]]:
    """A checkout in a folder with a space and other letters, and its first run."""
    made = make_checkout(tmp_path_factory.mktemp("first"), "ein Häuschen")
    return made, made.run("speak", "two words")


def test_the_first_run_sets_up_and_then_runs(first):
    made, done = first
    said = told(done)
    assert said["prefix"] == str(made.folder / ".venv")
    assert said["argv"] == ["demod-voice", "speak", "two words"]
    assert said["tiny"] == "1.0"
    assert str(said["sdk"]).startswith(str(made.folder))


def test_progress_is_on_stderr(first):
    made, done = first
    lines = done.stderr.splitlines()
    assert lines[0] == f"demod-voice: setting up demod-voice (once): 1 packages into {made.folder / '.venv'} with uv"
    assert lines[-1] == "demod-voice: set-up is done"


def test_the_second_run_starts_at_once_and_says_nothing(first, tmp_path):
    made, _ = first
    hidden = made.folder / "bin" / "_setup.py"
    hidden.rename(tmp_path / "_setup.py")
    try:
        done = made.run("again")
    finally:
        (tmp_path / "_setup.py").rename(hidden)
    assert told(done)["argv"] == ["demod-voice", "again"]
    assert done.stderr == ""


def test_the_exit_code_is_the_programs(first):
    assert first[0].run("fail").returncode == 7


def test_it_runs_through_a_link_from_elsewhere(first, tmp_path):
    made, _ = first
    (tmp_path / "demod-voice").symlink_to(made.folder / "bin" / "demod-voice")
    command = [PYTHON, "-S", str(tmp_path / "demod-voice")]
    done = subprocess.run(command, env=made.environ(), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told(done)["prefix"] == str(made.folder / ".venv")


def test_a_lock_with_another_time_and_the_same_content_needs_no_set_up(first):
    made, _ = first
    os.utime(made.lock, (1, 1))
    assert made.run().stderr == ""
    assert f"lock {made.lock.stat().st_size} {made.lock.stat().st_mtime_ns}" in made.stamp.read_text()


def test_a_moved_checkout_and_a_new_lock_are_noticed(first, tmp_path):
    made, _ = first
    shutil.copytree(made.folder, tmp_path / "moved", symlinks=True)
    moved = Checkout(tmp_path / "moved", tmp_path / "wheels")
    moved.put_uv()
    row = make_wheel(moved.wheels, "1.0")
    make_wheel(moved.wheels, "2.0")
    assert row in moved.lock.read_text()
    done = moved.run()
    assert told(done)["prefix"] == str(moved.folder / ".venv")
    assert "setting up" in done.stderr
    moved.lock.write_text(make_wheel(moved.wheels, "2.0"))
    done = moved.run()
    assert told(done)["tiny"] == "2.0"
    assert "setting up" in done.stderr
    assert moved.run().stderr == ""


def test_an_environment_whose_interpreter_is_gone_is_made_anew(checkout):
    (checkout.folder / ".venv" / "bin").mkdir(parents=True)
    (checkout.folder / ".venv" / "bin" / "python").symlink_to(checkout.folder / "nothing")
    checkout.stamp.write_text(
        f"checkout {str(checkout.folder)!a}\nlock 1 1\ninterpreter 1 1\nsha256 0\npython 3.11.0\n"
    )
    assert told(checkout.run())["tiny"] == "1.0"


def test_an_extra_is_set_up_where_it_is_asked_for_and_stays(checkout):
    (checkout.folder / "requirements-ray.txt").write_text("# with an extra\n" + make_wheel(checkout.wheels, "2.0"))
    assert told(checkout.run())["tiny"] == "1.0"
    done = checkout.run(environ=checkout.environ(DEMOD_VOICE_EXTRAS="ray"))
    assert told(done)["tiny"] == "2.0"
    assert "setting up" in done.stderr
    done = checkout.run()
    assert told(done)["tiny"] == "2.0"
    assert done.stderr == "", "it stays, and nothing is set up"
    (checkout.folder / "requirements-ray.txt").write_text(make_wheel(checkout.wheels, "3.0"))
    assert told(checkout.run())["tiny"] == "3.0"


def test_an_environment_of_an_earlier_version_is_kept(checkout):
    told(checkout.run())
    lines = checkout.stamp.read_text().splitlines()
    assert lines[-1] == "lock requirements.txt"
    checkout.stamp.write_text("\n".join(lines[:-1]) + "\n")
    assert checkout.run().stderr == ""
    os.utime(checkout.lock, (1, 1))
    assert checkout.run().stderr == "", "only times differ: the stamp is written anew"
    assert checkout.stamp.read_text().splitlines()[-1] == "lock requirements.txt"


def test_an_extra_that_does_not_exist_is_one_clear_error(checkout):
    done = checkout.run(environ=checkout.environ(DEMOD_VOICE_EXTRAS="ray,rya"))
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["error: DEMOD_VOICE_EXTRAS: there is no extra 'rya'", "  extras: ray"]
    assert not (checkout.folder / ".venv").exists()


SLOW_UV = """\
echo "$1" >> {log}
[ "$1" = venv ] || while [ ! -e {go} ]; do sleep 0.02; done
exec $UV "$@"
"""
"""Makes the environment at once, and waits before it installs."""


class SlowSetUp:
    """A set-up that waits in its middle until it is told to go on."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.log, self.go = checkout.wheels / "log", checkout.wheels / "go"
        checkout.put_uv(SLOW_UV.format(log=self.log, go=self.go))
        self.first = self.start()
        self.wait_for(lambda: self.log.is_file() and "pip" in self.log.read_text())

    def start(self) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        given = self.checkout.environ()
        return subprocess.Popen(self.checkout.command(), env=given, start_new_session=True, **pipes)

    @staticmethod
    def wait_for(condition: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_killed_set_up_is_finished_by_the_next_run(checkout):
    slow = SlowSetUp(checkout)
    os.killpg(slow.first.pid, signal.SIGKILL)
    slow.first.communicate()
    assert (checkout.folder / ".venv" / "bin" / "python").exists()
    assert not checkout.stamp.exists()
    checkout.put_uv()
    done = checkout.run()
    assert told(done)["tiny"] == "1.0"
    assert "waiting" not in done.stderr
    assert checkout.run().stderr == ""


def test_the_next_run_waits_for_the_installer_of_a_killed_set_up(checkout):
    slow = SlowSetUp(checkout)
    slow.first.kill()
    slow.first.wait()
    second = slow.start()
    assert second.stderr.readline() == "demod-voice: another set-up is at work; waiting for it\n"
    slow.go.touch()
    out, _ = second.communicate(timeout=120)
    assert json.loads(out)["tiny"] == "1.0"
    slow.first.communicate()


def test_of_two_set_ups_at_once_one_waits_and_both_run(checkout):
    slow = SlowSetUp(checkout)
    second = slow.start()
    assert second.stderr.readline() == "demod-voice: another set-up is at work; waiting for it\n"
    slow.go.touch()
    for each in (slow.first, second):
        out, _ = each.communicate(timeout=120)
        assert each.returncode == 0
        assert json.loads(out)["tiny"] == "1.0"
    assert slow.log.read_text().split() == ["venv", "pip"], "one of them installed"


def test_an_interrupted_set_up_says_how_to_go_on(checkout):
    slow = SlowSetUp(checkout)
    os.killpg(slow.first.pid, signal.SIGINT)
    _, err = slow.first.communicate(timeout=60)
    assert slow.first.returncode == 130
    assert err.splitlines()[-1] == "interrupted; run the same command again and the set-up is finished"
    slow.go.touch()
    assert told(checkout.run())["tiny"] == "1.0"


QUICK_PIP = "import _setup; _setup._has = lambda name: name != 'ensurepip'\n"
"""The pip of the Python itself installs: nothing has to be put into the environment first, which takes seconds."""
SET_UP = "_setup.ensure('.venv', 'requirements.txt', 'it')"


@pytest.mark.slow
def test_with_pip_alone_the_first_run_sets_up_too(checkout):
    done = checkout.run("x", environ=checkout.environ(uv=False))
    assert told(done)["tiny"] == "1.0"
    lines = done.stderr.splitlines()
    assert lines[0].endswith("with pip")
    assert lines[1:] == ["demod-voice: 1/1 tiny", "demod-voice: 1/1 unpacking", "demod-voice: set-up is done"]
    assert checkout.run("x").stderr == ""


@pytest.mark.slow
def test_without_a_network_there_is_one_clear_error(checkout):
    nowhere = {
        "PIP_NO_INDEX": "",
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "1",
    }
    done = checkout.python(QUICK_PIP + SET_UP, checkout.environ(uv=False, **nowhere))
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == ["error: pip failed:"]
    assert done.stderr.splitlines()[-1] == (
        "  the package index cannot be reached: check the network or pip's configuration, then run the same command again"
    )
    assert not checkout.stamp.exists()
    assert told(checkout.run())["tiny"] == "1.0"


@pytest.mark.slow
def test_a_package_with_another_hash_is_refused(checkout):
    checkout.lock.write_text("tiny==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    done = checkout.python(QUICK_PIP + SET_UP, checkout.environ(uv=False))
    assert done.returncode == 1
    assert "uv" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("  a package is not the one that was checked: ")
    assert not checkout.stamp.exists()


def test_a_folder_that_cannot_be_written_is_one_clear_error(checkout):
    (checkout.folder / ".demod-voice").write_text("a file where a folder belongs")
    done = checkout.run()
    assert done.returncode == 1
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: cannot set up .venv in {checkout.folder}: ")
    assert "copy the checkout to a folder" in hint


@pytest.mark.parametrize(("missing", "word"), [("ensurepip pip", "ensurepip"), ("venv ensurepip", "venv")])
def test_a_python_without_ensurepip_gets_the_one_command_that_helps(checkout, missing, word):
    code = f"import _setup; _setup._has = lambda name: name not in {missing.split()!r}\n"
    done = checkout.python(code + SET_UP, checkout.environ(uv=False))
    assert done.returncode == 1
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert done.stderr.splitlines()[-2:] == [
        f"error: this Python ({PYTHON}) lacks {word}",
        f"  on Debian and Ubuntu: apt install python{version}-venv   (or install uv)",
    ]


@pytest.mark.slow
def test_a_python_without_ensurepip_installs_with_the_pip_that_it_has(checkout):
    done = checkout.python(QUICK_PIP + SET_UP, checkout.environ(uv=False))
    assert done.returncode == 0, done.stderr
    assert "with pip" in done.stderr
    assert told(checkout.run())["tiny"] == "1.0"


@pytest.mark.slow
def test_where_uv_fails_pip_does_it(checkout):
    checkout.put_uv("echo no such index >&2; exit 2")
    done = checkout.python(QUICK_PIP + SET_UP)
    assert done.returncode == 0
    assert "uv could not do it; trying pip" in done.stderr
    assert told(checkout.run())["tiny"] == "1.0"


def test_in_place_it_runs_with_this_python_and_writes_nothing(checkout):
    before = files(checkout.folder)
    done = checkout.run("here", environ=checkout.environ(DEMOD_VOICE_BOOTSTRAPPED="1"))
    assert told(done)["prefix"] == sys.base_prefix
    assert told(done)["tiny"] is None
    assert done.stderr == ""
    assert files(checkout.folder) == before
    assert not (checkout.folder / ".venv").exists()
    assert checkout.run("fail", environ=checkout.environ(DEMOD_VOICE_BOOTSTRAPPED="1")).returncode == 7


def test_the_program_is_told_the_name_that_it_was_called_by(checkout):
    environ = checkout.environ(DEMOD_VOICE_BOOTSTRAPPED="1")
    run = partial(subprocess.run, env=environ, cwd=checkout.folder, capture_output=True, text=True, check=False)
    assert told(run(["./bin/demod-voice"]))["called"] == "./bin/demod-voice"
    environ["PATH"] = f"{checkout.folder / 'bin'}{os.pathsep}{environ['PATH']}"
    assert told(run(["/bin/sh", "-c", "demod-voice"]))["called"] == "demod-voice"


def old(checkout: Checkout) -> None:
    """Make the Python that runs this too old."""
    path = checkout.folder / "bin" / "_environment.py"
    text = path.read_text()
    assert "OLDEST = (3, 11)" in text
    path.write_text(text.replace("OLDEST = (3, 11)", "OLDEST = (99, 0)"))


@pytest.mark.parametrize("command", ["demod-voice", "test"])
def test_a_python_that_is_too_old_says_so(checkout, tmp_path, command):
    old(checkout)
    (tmp_path / "empty").mkdir()
    started = [PYTHON, str(checkout.folder / "bin" / command)]
    environ = checkout.environ(PATH=str(tmp_path / "empty"))
    done = subprocess.run(started, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: demod-voice needs Python 99.0 or newer; this is 3.")
    assert "apt install python3.11" in done.stderr
    assert not (checkout.folder / ".demod-voice").exists()


def test_a_python_that_is_too_old_hands_over_to_a_newer_one(checkout, tmp_path):
    old(checkout)
    for name, code in (("python3.13", "exit 1"), ("python3.12", '[ "$1" = -c ] || echo newer "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{code}\n")
        (tmp_path / name).chmod(0o755)
    done = checkout.run("speak", environ=checkout.environ(PATH=str(tmp_path)))
    assert done.stdout.split() == ["newer", str(checkout.folder / "bin" / "demod-voice"), "speak"]


@pytest.mark.parametrize("name", ["demod-voice", "test", "_environment.py"])
def test_what_says_that_a_python_is_too_old_can_be_read_by_an_old_one(name):
    ast.parse((ROOT / "bin" / name).read_text(), feature_version=(3, 6))
