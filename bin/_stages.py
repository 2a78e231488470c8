"""The stages of bin/test: what each runs, how long it may take, and the table at the end. Standard library, Python 3.11.

A stage is a list of checks (a command each) and a selection of tests by pytest markers. A stage that cannot run, or runs
no test, has failed; one whose part of the program is not built yet says so and is not counted. Where no browser can be
had, or no GPU, the whole run says so and goes on; asked for by its name, that stage has failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import _browser
import _gpu
from _environment import ROOT, SDK, python_of

CORE, TOOLS = ".venv", ".venv-test"
ENGINES_HOME = Path(ROOT) / ".demod-voice" / "test-engines"
"""Where tests keep the engines' environments between runs."""
ENGINE_FOLDERS = {"XDG_DATA_HOME": str(ENGINES_HOME), "XDG_CONFIG_HOME": str(ENGINES_HOME / "config")}
"""What makes an environment there, whatever the user's settings are."""
MANIFEST = "engine.toml"
ENGINES = ("espeak", "piper", "vad", "pocketsphinx")
"""The engines that the default stage works with; the set-up makes their environments."""
NEURAL = ("xtts", "csm", "ecapa", "whisper", "demucs")
"""The engines that the stage of their name makes environments for: 5 GB with torch's CPU build, 20 GB with its CUDA build."""
SPECIAL = ("engines", "kill", "fuzz", "cluster", "browser", "gpu", "nix", "slow")
"""Markers of tests that the default stage leaves out."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the table."""

    name: str
    """What ``--stage`` calls it."""
    budget: float
    """Minutes that it may take."""
    markers: str = ""
    """Pytest's ``-m``; empty: no tests."""
    planned: bool = False
    """The part of the program that it tests is not built yet."""


STAGES = (
    Stage("set-up", 5),
    Stage("default", 6, " and ".join(f"not {name}" for name in SPECIAL)),
    Stage("kill", 12, "kill or slow"),
    Stage("fuzz", 5, "fuzz"),
    Stage("engines", 16, "engines"),
    Stage("cluster", 8, "cluster"),
    Stage("browser", 3, "browser"),
    Stage("gpu", 15, "gpu"),
    Stage("nix", 10, "nix", planned=True),
)


@dataclass(slots=True)
class Outcome:
    """What a stage did."""

    stage: Stage
    """Its row of the table above."""
    seconds: float = 0.0
    """Wall time."""
    passed: int = 0
    """Tests and checks that passed."""
    skipped: int = 0
    """Tests that were skipped."""
    reasons: list[str] = field(default_factory=list)
    """Why, a line for each skipped test."""
    faults: list[str] = field(default_factory=list)
    """Every check or test run that failed, in words."""
    failed: int = 0
    """Tests and checks that failed."""
    absent: str = ""
    """Why it was not run."""

    def fail(self, words: str, count: int = 1) -> None:
        """Add a failure."""
        self.faults.append(words)
        self.failed += count

    @property
    def result(self) -> str:
        """One cell of the table."""
        if self.stage.planned:
            return "not built yet"
        if self.absent and not self.failed:
            return f"not run: {self.absent}"
        return "FAILED: " + ", ".join(self.faults) if self.faults else "passed"


def parse(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The stage and what follows ``--``, which goes to pytest."""
    arguments = list(arguments)
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog="bin/test",
        description="Set up, then check the format, lint, types and run the tests (stage default, about four minutes).",
        epilog="arguments after -- go to pytest, and then only pytest runs: bin/test -- tests/audio -k loudness",
    )
    names = [stage.name for stage in STAGES if stage.markers]
    parser.add_argument("--stage", choices=[*names, "all"], default="default", help="what to run (default: default)")
    return parser.parse_args(arguments[:cut]).stage, arguments[cut + 1 :]


def run(wanted: str, more: Sequence[str], began: float) -> int:
    """Run the stages, print the table and the last line; ``began`` is when the set-up began (time.monotonic)."""
    outcomes = []
    for stage in STAGES:
        if stage.name != "set-up" and wanted not in (stage.name, "all"):
            continue
        start = began if stage.name == "set-up" else time.monotonic()
        outcome = Outcome(stage)
        _run_stage(outcome, more)
        if outcome.absent and wanted != "all":
            outcome.fail(outcome.absent)
        outcome.seconds = time.monotonic() - start
        if wanted == "all" and outcome.seconds > stage.budget * 60:
            outcome.fail(f"over its budget of {stage.budget:g} minutes")
        outcomes.append(outcome)
        if stage.name == "set-up" and outcome.failed:
            break
    print(table(outcomes))
    for outcome in outcomes:
        for reason in outcome.reasons:
            print(f"skipped in {outcome.stage.name}: {reason}")
    print(last_line(outcomes), flush=True)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def table(outcomes: Sequence[Outcome]) -> str:
    """Stages, minutes, budgets, tests and results."""
    rows = [f"\n{'stage':<9}{'minutes':>8}{'budget':>8}{'passed':>8}{'skipped':>9}  result"]
    for outcome in outcomes:
        stage = outcome.stage
        minutes = "-" if stage.planned else f"{outcome.seconds / 60:.1f}"
        counts = f"{outcome.passed or '-':>8}{outcome.skipped or '-':>9}"
        rows.append(f"{stage.name:<9}{minutes:>8}{stage.budget:>8g}{counts}  {outcome.result}")
    return "\n".join(rows)


def last_line(outcomes: Sequence[Outcome]) -> str:
    """The sum over all stages, in one line."""
    passed, failed = sum(outcome.passed for outcome in outcomes), sum(outcome.failed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    return f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")


def _run_stage(outcome: Outcome, more: Sequence[str]) -> None:
    stage = outcome.stage
    if stage.planned:
        return
    if stage.name == "set-up":
        _make_environments(outcome, ENGINES)
        return
    if stage.name == "engines" and not more:
        _make_environments(
            outcome, [name for name in NEURAL if os.path.isfile(os.path.join(ROOT, "backends", name, MANIFEST))]
        )
        if outcome.failed:
            return
    if stage.name == "browser":
        outcome.absent = _browser.missing()
    if stage.name == "gpu":
        outcome.absent = _gpu.missing()
    if outcome.absent:
        return
    if stage.name == "default" and not more:
        for name, command in _checks().items():
            _check(outcome, name, command)
    _run_tests(outcome, more)


def _checks() -> dict[str, list[str]]:
    """The checks of the default stage, by name."""
    tool = [python_of(TOOLS), "-m"]
    return {
        "format": [*tool, "ruff", "format", "--check", "--quiet", "."],
        "lint": [*tool, "ruff", "check", "--quiet", "."],
        "types": [*tool, "mypy", "--no-error-summary"],
        "run-time pins": [python_of(CORE), "-I", os.path.join(ROOT, "bin", "_walk.py")],
        "help": [sys.executable, os.path.join(ROOT, "bin", "demod-voice"), "--help"],
    }


def _make_environments(outcome: Outcome, names: Sequence[str]) -> None:
    """One after the other: about a minute of one processor for each with torch."""
    for name in names:
        _check(outcome, f"environment of {name}", _engine_command(name), ENGINE_FOLDERS)


def _engine_command(name: str) -> list[str]:
    code = (
        "import sys; from demod_voice.config import load_settings; from demod_voice.engines.environments import install\n"
        "from demod_voice.engines.locate import engine\n"
        f"settings = load_settings(); install(engine({name!r}, settings), settings)"
    )
    return [python_of(TOOLS), "-c", code]


def _check(outcome: Outcome, name: str, command: Sequence[str], more: Mapping[str, str] | None = None) -> None:
    """Run one command, with ``more`` variables; its output is shown only when it fails."""
    environ = {**_environ(), **(more or {})}
    began = time.monotonic()
    try:
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
        code, said = done.returncode, done.stdout + done.stderr
    except OSError as error:
        code, said = 1, f"{error}\n"
    if code:
        print(said, end="")
        outcome.fail(name)
    else:
        outcome.passed += 1
    print(f"{name}: {'FAILED' if code else 'passed'} in {time.monotonic() - began:.1f} s", flush=True)


def _run_tests(outcome: Outcome, more: Sequence[str]) -> None:
    """Run pytest and read what it did from its own report."""
    stage = outcome.stage
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [python_of(TOOLS), "-m", "pytest", "-n", "2", "-m", stage.markers, f"--junitxml={report}"]
        if stage.name == "default" and not more:
            command += ["--cov", "--cov-report=term"]
        environ = _environ() | {"TEST_STAGE": stage.name, "TEST_ENGINES_HOME": str(ENGINES_HOME)}
        code = subprocess.run([*command, *more], cwd=ROOT, env=environ, check=False).returncode
        if report.is_file():
            _count(outcome, ElementTree.parse(report).getroot())
    if code and not outcome.failed:
        outcome.fail({1: "coverage", 5: "no tests were found"}.get(code, f"pytest stopped with {code}"))
    elif not code and not outcome.passed:
        outcome.fail("it could not run: every test was skipped")


def _count(outcome: Outcome, report: ElementTree.Element) -> None:
    for suite in report.iter("testsuite"):
        total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        outcome.passed += max(0, total - skipped - failed)
        outcome.skipped += skipped
        for case in suite.iter("testcase"):
            for each in case.iter("skipped"):
                outcome.reasons.append(f"{case.get('name')}: {each.get('message')}")
        if failed:
            outcome.fail(f"{failed} tests", failed)


def _environ() -> dict[str, str]:
    """The caller's variables without those that would change what is tested, and with their pip's configuration.

    pip looks for it below XDG_CONFIG_HOME, which is another folder here; it says where torch's CPU build is.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DEMOD_VOICE_")}
    config = os.path.join(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "pip", "pip.conf")
    if os.path.isfile(config):
        kept.setdefault("PIP_CONFIG_FILE", config)
    return kept | {"PYTHONPATH": os.pathsep.join([ROOT, SDK])}
