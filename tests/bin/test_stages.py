"""bin/test: what it reads from its command line, what it counts, and when it fails."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PASSES, FAILS = [sys.executable, "-c", ""], [sys.executable, "-c", "import sys; sys.exit('broken: x.py')"]


@pytest.fixture
def stages(monkeypatch):
    """bin/_stages.py as a module, its checks and its tests taken away."""
    monkeypatch.syspath_prepend(str(ROOT / "bin"))
    import _stages

    monkeypatch.setattr(_stages, "STAGES", (_stages.Stage("set-up", 5), _stages.Stage("default", 3, "not slow")))
    monkeypatch.setattr(_stages, "ENGINES", ())
    monkeypatch.setattr(_stages, "NEURAL", ())
    monkeypatch.setattr(_stages, "_checks", lambda: {"format": PASSES})
    monkeypatch.setattr(_stages, "_run_tests", lambda outcome, more: None)
    return _stages


@pytest.mark.parametrize(
    ("arguments", "stage", "more"),
    [
        ([], "default", []),
        (["--stage", "kill"], "kill", []),
        (["--stage=all"], "all", []),
        (["--", "tests/mix", "-k", "peak"], "default", ["tests/mix", "-k", "peak"]),
        (["--stage", "fuzz", "--", "--stage", "x"], "fuzz", ["--stage", "x"]),
    ],
)
def test_the_command_line_is_a_stage_and_what_pytest_gets(monkeypatch, arguments, stage, more):
    monkeypatch.syspath_prepend(str(ROOT / "bin"))
    import _stages

    assert _stages.parse(arguments) == (stage, more)


@pytest.mark.parametrize("arguments", [["--stage", "set-up"], ["--stage", "nonsense"], ["tests/mix"]])
def test_what_is_no_stage_is_refused(stages, arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        stages.parse(arguments)
    assert stopped.value.code == 2
    assert "usage: bin/test" in capsys.readouterr().err


def test_every_marker_belongs_to_a_stage(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bin"))
    import _stages

    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    names = {row.split(":")[0] for row in listed}
    assert set(_stages.SPECIAL) == names
    run = {name for stage in _stages.STAGES if stage.name != "default" for name in stage.markers.split(" or ") if name}
    assert run == names
    (default,) = [stage for stage in _stages.STAGES if stage.name == "default"]
    assert all(f"not {name}" in default.markers for name in names)


def test_the_guide_lists_the_stages_and_their_budgets(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "bin"))
    import _stages

    rows = [row for row in (ROOT / "CONTRIBUTING.md").read_text().splitlines() if row.startswith("| `")]
    for stage in _stages.STAGES[1:]:
        (row,) = [row for row in rows if f"`{stage.name}`" in row.split("|")[1]]
        assert ("not built yet" in row) is stage.planned
        assert stage.planned or row.split("|")[3].strip() == f"{stage.budget:g}"


def test_all_checks_that_pass_make_exit_code_0_and_a_table(stages, capsys):
    assert stages.run("default", [], 0.0) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("format: passed in ")
    assert lines[2].split() == ["stage", "minutes", "budget", "passed", "skipped", "result"]
    assert [line.split()[0] for line in lines[3:5]] == ["set-up", "default"]
    assert lines[4].endswith("passed")
    assert lines[-1] == "1 passed, 0 failed"


def test_a_check_that_fails_makes_exit_code_1_and_shows_what_it_said(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "_checks", lambda: {"format": PASSES, "lint": FAILS})
    assert stages.run("default", [], 0.0) == 1
    out = capsys.readouterr().out
    assert "broken: x.py" in out
    assert "lint: FAILED in " in out
    assert out.splitlines()[-2].endswith("FAILED: lint")
    assert out.splitlines()[-1] == "1 passed, 1 failed"


def test_a_tool_that_is_missing_makes_exit_code_1(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "_checks", lambda: {"types": [str(ROOT / "no" / "such" / "tool")]})
    assert stages.run("default", [], 0.0) == 1
    assert "types: FAILED" in capsys.readouterr().out


def test_a_set_up_that_fails_ends_the_run(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "ENGINES", ("espeak",))
    monkeypatch.setattr(stages, "_engine_command", lambda name: FAILS)
    assert stages.run("default", [], 0.0) == 1
    out = capsys.readouterr().out
    assert "FAILED: environment of espeak" in out
    assert "default" not in out


def test_the_stage_of_engines_makes_their_environments_and_then_tests(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "STAGES", (stages.Stage("engines", 30, "engines"),))
    monkeypatch.setattr(stages, "NEURAL", ("xtts", "not-there-yet"))
    monkeypatch.setattr(stages, "_engine_command", lambda name: PASSES)
    tested = []
    monkeypatch.setattr(stages, "_run_tests", lambda outcome, more: tested.append(more))
    assert stages.run("engines", [], 0.0) == 0
    out = capsys.readouterr().out
    assert "environment of xtts: passed in " in out
    assert "not-there-yet" not in out
    assert stages.run("engines", ["-k", "x"], 0.0) == 0
    assert "environment of" not in capsys.readouterr().out
    assert tested == [[], ["-k", "x"]]


def test_an_environment_that_cannot_be_made_fails_its_stage_with_what_pip_said(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "STAGES", (stages.Stage("engines", 30, "engines"),))
    monkeypatch.setattr(stages, "NEURAL", ("xtts",))
    monkeypatch.setattr(stages, "_engine_command", lambda name: FAILS)
    monkeypatch.setattr(stages, "_run_tests", lambda outcome, more: pytest.fail("there is nothing to test with"))
    assert stages.run("engines", [], 0.0) == 1
    out = capsys.readouterr().out
    assert "broken: x.py" in out
    assert "FAILED: environment of xtts" in out


def test_environments_are_made_with_the_callers_pip_configuration(stages, monkeypatch, tmp_path):
    monkeypatch.delenv("PIP_CONFIG_FILE", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "PIP_CONFIG_FILE" not in stages._environ()
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text("[global]\nfind-links = /somewhere\n")
    assert stages._environ()["PIP_CONFIG_FILE"] == str(tmp_path / "pip" / "pip.conf")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/their/own")
    assert stages._environ()["PIP_CONFIG_FILE"] == "/their/own"


def test_over_budget_fails_where_the_whole_is_run(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "STAGES", (stages.Stage("default", 0.0, "not slow"),))
    assert stages.run("default", [], 0.0) == 0
    assert stages.run("all", [], 0.0) == 1
    assert "FAILED: over its budget of 0 minutes" in capsys.readouterr().out


def test_a_stage_that_is_not_built_yet_is_said_and_not_counted(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "STAGES", (stages.Stage("nix", 10, "nix", planned=True),))
    assert stages.run("nix", [], 0.0) == 0
    assert capsys.readouterr().out.splitlines()[-2].split() == ["nix", "-", "10", "-", "-", "not", "built", "yet"]


def test_a_browser_that_cannot_be_had_is_said_and_fails_only_where_it_was_asked_for(stages, monkeypatch, capsys):
    monkeypatch.setattr(stages, "STAGES", (stages.Stage("browser", 5, "browser"),))
    monkeypatch.setattr(stages._browser, "missing", lambda: "no Chromium here")
    assert stages.run("all", [], 0.0) == 0
    assert capsys.readouterr().out.splitlines()[-2].endswith("not run: no Chromium here")
    assert stages.run("browser", [], 0.0) == 1
    assert capsys.readouterr().out.splitlines()[-2].endswith("FAILED: no Chromium here")


def test_a_gpu_that_is_not_there_is_said_and_fails_only_where_it_was_asked_for(stages, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(stages, "STAGES", (stages.Stage("gpu", 15, "gpu"),))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert stages.run("all", [], 0.0) == 0
    assert capsys.readouterr().out.splitlines()[-2].endswith("not run: no NVIDIA GPU here")
    assert stages.run("gpu", [], 0.0) == 1


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        ("GPU 0: NVIDIA H200 (UUID: GPU-1)", 0, ""),
        ("No devices were found", 0, "no NVIDIA GPU: its driver names none"),
        ("GPU", 9, "no NVIDIA GPU: its driver names none"),
    ],
)
def test_why_there_is_no_gpu(stages, monkeypatch, tmp_path, said, code, why):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert stages._gpu.missing() == why


def test_why_there_is_no_browser(stages, monkeypatch):
    browser = stages._browser
    monkeypatch.delenv("TEST_BROWSER", raising=False)
    monkeypatch.setattr(browser, "NAMES", ("no-such-browser",))
    monkeypatch.setattr(browser.os, "geteuid", lambda: 1000)
    assert "only root on Debian" in browser.missing()
    monkeypatch.setattr(browser.os, "geteuid", lambda: 0)
    monkeypatch.setattr(browser.shutil, "which", lambda name: "/bin/false" if name == "apt-get" else None)
    monkeypatch.setattr(browser, "INSTALL", (("false",),))
    assert browser.missing() == "no Chromium: false ended with 1"
    monkeypatch.setattr(browser, "INSTALL", (("true",),))
    assert browser.missing() == "no Chromium: the package brought none"
    monkeypatch.setenv("TEST_BROWSER", "/usr/bin/one")
    assert browser.missing() == ""


def test_what_pytest_did_is_counted_from_its_report(stages):
    outcome = stages.Outcome(stages.Stage("default", 3))
    report = '<testsuites><testsuite tests="9" failures="2" errors="1" skipped="1"/><testsuite tests="1"/></testsuites>'
    stages._count(outcome, ElementTree.fromstring(report))
    assert (outcome.passed, outcome.failed, outcome.skipped) == (6, 3, 1)
    assert outcome.result == "FAILED: 3 tests"
    assert stages.last_line([outcome, outcome]) == "12 passed, 6 failed, 2 skipped"


@pytest.fixture
def tests_of(monkeypatch, tmp_path):
    """Run the tests of a stage with a Python that is given, in a folder that is given."""
    monkeypatch.syspath_prepend(str(ROOT / "bin"))
    import _stages

    def run(python: str):
        monkeypatch.setattr(_stages, "python_of", lambda name: python)
        monkeypatch.setattr(_stages, "ROOT", str(tmp_path))
        outcome = _stages.Outcome(_stages.Stage("kill", 10, "not slow"))
        _stages._run_tests(outcome, [])
        return outcome

    return run


@pytest.mark.parametrize(
    ("code", "report", "result"),
    [
        (0, 'tests="2" skipped="1"', "passed"),
        (1, 'tests="2" failures="1"', "FAILED: 1 tests"),
        (1, 'tests="2"', "FAILED: coverage"),
        (0, 'tests="2" skipped="2"', "FAILED: it could not run: every test was skipped"),
        (5, 'tests="0"', "FAILED: no tests were found"),
        (4, None, "FAILED: pytest stopped with 4"),
        (-11, None, "FAILED: pytest stopped with -11"),
    ],
)
def test_a_stage_without_a_test_that_passed_has_failed(tests_of, tmp_path, code, report, result):
    write = f"""for each; do case $each in --junitxml=*) echo '<a><testsuite {report}/></a>' > "${{each#*=}}";; esac; done"""
    stop = f"exit {code}" if code >= 0 else f"kill {code} $$"
    (tmp_path / "python").write_text(f"#!/bin/sh\n{write if report else ':'}\n{stop}\n")
    (tmp_path / "python").chmod(0o755)
    outcome = tests_of(str(tmp_path / "python"))
    assert outcome.result == result
    assert (outcome.failed > 0) is (result != "passed")


@pytest.mark.slow
def test_a_real_run_counts_what_its_markers_select(tests_of, tmp_path):
    lines = "def test_a(): pass\ndef test_b(): assert 0\n@m.skip('no disk')\ndef test_c(): pass\n@m.slow\ndef test_d(): pass\n"
    (tmp_path / "test_x.py").write_text(f"import pytest\nm = pytest.mark\n{lines}")
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = slow: no\naddopts = -q -p no:cacheprovider\n")
    outcome = tests_of(sys.executable)
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 1, 1)
    assert outcome.reasons == ["test_c: no disk"]


def test_the_settings_of_the_developer_do_not_reach_the_tests(stages, monkeypatch):
    monkeypatch.setenv("DEMOD_VOICE_DEVICE", "cuda:0")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    environ = stages._environ()
    assert "DEMOD_VOICE_DEVICE" not in environ
    assert environ["PYTHONPATH"].split(os.pathsep) == [str(ROOT), str(ROOT / "backends" / "_sdk")]


def test_help_needs_no_set_up():
    done = subprocess.run(
        [sys.executable, str(ROOT / "bin" / "test"), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "--stage" in done.stdout
    assert done.stderr == ""


def test_a_module_that_cannot_be_imported_with_the_run_time_packages_is_named(tmp_path):
    for name in ("demod_voice", "demod_worker"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    walk = [sys.executable, str(ROOT / "bin" / "_walk.py")]
    environ = {**os.environ, "PYTHONPATH": str(tmp_path)}
    assert subprocess.run(walk, env=environ, check=False).returncode == 0
    (tmp_path / "demod_voice" / "mixing.py").write_text("import no_such_package")
    done = subprocess.run(walk, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "demod_voice.mixing: No module named 'no_such_package'\n"
