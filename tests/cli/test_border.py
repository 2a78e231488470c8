"""The one border: each kind of end has its code, its words, and leaves nothing behind."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demod_voice import errors
from demod_voice.errors import Fault, FaultsError


def raising(error: BaseException):
    def run(args, app):
        raise error

    return run


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.MediaError, 3),
        (errors.EngineError, 4),
        (errors.ModelMissing, 4),
        (errors.TrainingError, 5),
        (errors.QualityError, 6),
        (errors.OutputError, 7),
    ],
)
def test_each_error_ends_in_its_code_and_two_lines(cli, as_health, kind, code):
    as_health(raising(kind("it is wrong", "do this")))
    found = cli("health")
    assert (found.code, found.out, found.err) == (code, "", "error: it is wrong\n  do this\n")


def test_commands_in_a_hint_are_called_as_the_program_was(cli, as_health, monkeypatch):
    as_health(
        raising(errors.UsageError("no demod-voice here", "see: demod-voice voices list, or a/demod-voice voices"))
    )
    assert "see: demod-voice voices list" in cli("health").err
    monkeypatch.setenv("DEMOD_VOICE_COMMAND", "./bin/demod-voice")
    expected = "error: no demod-voice here\n  see: ./bin/demod-voice voices list, or a/demod-voice voices\n"
    assert cli("health").err == expected
    assert "./bin/demod-voice voices list" in json.loads(cli("health", "--json").err)["error"]["hint"]


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("render", "did you mean demod-voice episode render?"),
        ("list", "demod-voice voices list or demod-voice engines list"),
        ("episod", "did you mean episode?"),
    ],
)
def test_a_command_without_its_group_is_known(cli, word, hint):
    found = cli(word, "show.md")
    assert found.code == 2
    assert hint in found.err


def test_a_fault_of_no_file_is_told_once(cli):
    assert cli("config", "show", "--set", "sed=3").err.count("the flags") == 1


def test_a_commands_return_value_is_the_exit_code(cli, as_health):
    as_health(lambda args, app: 6)
    assert cli("health").code == 6
    as_health(lambda args, app: None)
    assert cli("health").code == 0


def test_an_error_as_one_json_line(cli, as_health):
    as_health(raising(FaultsError("x.yaml", [Fault(3, "bad\nline", "mend it"), Fault(None, "é")])))
    found = cli("health", "--json")
    assert (found.code, found.out, found.err.count("\n")) == (2, "", 1)
    error = json.loads(found.err)["error"]
    assert error["kind"] == "FaultsError"
    assert error["exit_code"] == 2
    assert error["faults"] == [
        {"line": None, "message": "é", "hint": None},
        {"line": 3, "message": "bad\nline", "hint": "mend it"},
    ]


@pytest.mark.parametrize(
    "argv", [("--json", "nosuch"), ("config", "get", "--json"), ("config", "show", "--jsno", "--json")]
)
def test_a_mistake_in_the_command_line_is_json_too(cli, argv):
    found = cli(*argv)
    assert found.code == 2
    assert json.loads(found.err)["error"]["kind"] == "UsageError"


def test_an_unexpected_error_is_one_line_and_its_traceback_is_kept(cli, as_health, home):
    as_health(raising(ZeroDivisionError("division\nby zero")))
    found = cli("health")
    log = home / "state" / "demod-voice" / "errors.log"
    assert found.code == 1
    assert found.err.splitlines()[0] == "error: unexpected ZeroDivisionError: division by zero"
    assert str(log) in found.err
    assert "Traceback" not in found.err
    assert "Traceback" in log.read_text()
    assert "ZeroDivisionError" in log.read_text()


def test_with_verbose_the_traceback_is_shown(cli, as_health):
    as_health(raising(ZeroDivisionError("x")))
    assert "Traceback" in cli("health", "-v").err


def test_with_a_log_file_the_traceback_is_there(cli, as_health, tmp_path):
    as_health(raising(ZeroDivisionError("x")))
    path = tmp_path / "run.log"
    found = cli("health", "--log-file", str(path))
    assert str(path) in found.err
    assert "Traceback" in path.read_text()


def test_an_expected_errors_traceback_is_in_the_log_file_only(cli, as_health, tmp_path):
    as_health(raising(errors.MediaError("broken")))
    path = tmp_path / "run.log"
    found = cli("health", "--log-file", str(path))
    assert "Traceback" not in found.err
    assert "Traceback" in path.read_text()


def test_a_state_folder_that_cannot_be_written_to_is_no_second_error(cli, as_health, home):
    (home / "state").write_text("a file")
    as_health(raising(ZeroDivisionError("x")))
    found = cli("health")
    assert found.code == 1
    assert "run it with -v" in found.err


def test_escapes_in_a_message_do_not_reach_the_terminal(cli, as_health):
    as_health(raising(errors.UsageError("name \x1b[2J\x07 \u202e is wrong")))
    assert "\x1b" not in (text := cli("health").err)
    assert "\\x1b[2J\\x07 \\u202e" in text


def test_the_errors_file_is_bounded(home):
    from demod_voice.cli.logs import ERRORS_LIMIT, keep_traceback

    path = home / "state" / "demod-voice" / "errors.log"
    path.parent.mkdir(parents=True)
    path.write_text("x" * (ERRORS_LIMIT + 1))
    assert keep_traceback(ValueError("new")) == path
    assert path.stat().st_size < 2000
    assert path.with_suffix(".log.1").stat().st_size == ERRORS_LIMIT + 1


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        (["confg", "show"], "demod-voice: unknown command 'confg'", "did you mean config?"),
        (["config", "shwo"], "demod-voice config: unknown command 'shwo'", "did you mean show?"),
        (["config", "qqq"], "demod-voice config: unknown command 'qqq'", "one of: show, get, set, init, check, path"),
        (["config", "init", "--froce"], "demod-voice config init: unknown option --froce", "did you mean --force?"),
        (["config", "init", "--froce=1"], "demod-voice config init: unknown option --froce", "did you mean --force?"),
        (["config", "init", "-z"], "demod-voice config init: unknown option -z", "more:"),
        (["--jsno", "config", "show"], "demod-voice: unknown option --jsno", "did you mean --json?"),
        (["completion", "bahs"], "demod-voice completion: unknown value 'bahs'", "did you mean bash?"),
        (
            ["--progress", "jsn", "config", "show"],
            "demod-voice: unknown value 'jsn' of --progress",
            "did you mean json?",
        ),
        (["config", "set"], "demod-voice config set: the following arguments are required: key, value", "more:"),
        (["config", "set", "--kye", "x"], "demod-voice config set: unknown option --kye", "more:"),
        (["config", "path", "x"], "demod-voice config path: 'x' is one argument too many", "more:"),
        (
            ["config", "show", "--log-file"],
            "demod-voice config show: argument --log-file: expected one argument",
            "more:",
        ),
        (["config"], "demod-voice config: the following arguments are required: COMMAND", "more:"),
        (["--json", "-q"], "demod-voice: the following arguments are required: COMMAND", "more:"),
    ],
)
def test_a_misspelled_word_ends_in_2_and_names_the_nearest(cli, argv, message, hint):
    found = cli(*argv)
    assert (found.code, found.out) == (2, "")
    text = json.loads(found.err)["error"]["message"] if "--json" in argv else found.err.splitlines()[0]
    assert text.removeprefix("error: ") == message
    assert hint in found.err
    assert "--help" in found.err


SCRIPT = """
import sys, time
from types import ModuleType
from demod_voice.cli import main
from demod_voice.cli.app import leaf

def run(args, app):
    try:
        {body}
    finally:
        print("cleaned up", file=sys.stderr, flush=True)

module = ModuleType("demod_voice.cli.health")
module.register = lambda parser: leaf(parser, run)
sys.modules["demod_voice.cli.health"] = module
sys.exit(main(["health", *sys.argv[1:]]))
"""


def start(body: str, *argv: str, **options) -> subprocess.Popen[str]:
    code = SCRIPT.format(body=body)
    return subprocess.Popen([sys.executable, "-c", code, *argv], text=True, stderr=subprocess.PIPE, **options)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_work_cleanly(number, code):
    process = start("print('ready', flush=True); time.sleep(30)", stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=10)
    assert process.returncode == code
    assert err.splitlines()[0] == "cleaned up"
    assert "Traceback" not in err
    if number == signal.SIGINT:
        assert "interrupted\n  run the same command again: finished work is kept\n" in err


def test_a_reader_that_has_gone_is_no_error():
    process = start("[print('x' * 1000, flush=True) for _ in range(2000)]", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == "cleaned up\n"
    assert process.wait(10) == 141


def test_a_reader_that_goes_before_the_last_flush_is_no_error():
    process = start("time.sleep(0.3); sys.stdout.write('x')", stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == "cleaned up\n"
    assert process.wait(10) == 141


def test_another_broken_pipe_is_reported():
    process = start("import os; r, w = os.pipe(); os.close(r); os.write(w, b'x')", stdout=subprocess.PIPE)
    _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "unexpected BrokenPipeError" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("body", ["sys.stdout.write('x')", "app.emit(1, 'x')"])
def test_a_full_disk_behind_stdout_is_an_error(body, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with Path("/dev/full").open("w") as full:
        process = start(body, stdout=full)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 7
    assert "cannot write to stdout" in err


@pytest.mark.parametrize(
    ("words", "code"),
    [("config nope 2>&-", 2), ("config path >&-", 0), ("--help >&- 2>&-", 0), ("speak - -o x.wav <&-", 2)],
)
def test_closed_streams_are_no_error(words, code):
    assert subprocess.run(["sh", "-c", f"{sys.executable} -m demod_voice {words}"]).returncode == code


def test_log_levels_on_stderr(cli, as_health):
    def run(args, app):
        logger = logging.getLogger("demod_voice.somewhere")
        for level in ("debug", "info", "warning", "error"):
            getattr(logger, level)("a %s", level)

    as_health(run)
    assert cli("health").err.splitlines() == ["warning: a warning", "error: a error"]
    assert cli("health", "-q").err.splitlines() == ["error: a error"]
    assert len(cli("health", "-v").err.splitlines()) == 3
    assert len(cli("health", "-vv").err.splitlines()) == 4


def test_the_log_file_gets_everything_and_is_appended_to(cli, as_health, tmp_path):
    def run(args, app):
        logging.getLogger("demod_voice.somewhere").debug("fine print")
        app.note("a note")

    as_health(run)
    path = tmp_path / "run.log"
    assert cli("health", "-q", "--log-file", str(path)).err == ""
    assert cli("health", "--log-file", str(path)).err == "a note\n"
    lines = path.read_text().splitlines()
    assert [line.rsplit("] ", 1)[1] for line in lines] == ["fine print", "a note"] * 2
    assert time.strftime("%Y-%m-") in lines[0]


def test_a_log_file_that_cannot_be_opened(cli, as_health, tmp_path):
    as_health()
    found = cli("health", "--log-file", str(tmp_path / "none" / "run.log"))
    assert found.code == 7
    assert "cannot write the log file" in found.err
