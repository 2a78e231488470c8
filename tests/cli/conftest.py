"""The command line in this process (``cli``) and as a process of its own (``program``), in an empty home."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from demod_voice.cli.app import App, Parser, leaf

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Result:
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.upper().startswith("DEMOD_VOICE_"):
            monkeypatch.delenv(name)
    for name in ("CONFIG", "DATA", "CACHE", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{ROOT / 'backends/_sdk'}")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(*argv: str) -> Result:
        from demod_voice.cli import main

        capsys.readouterr()
        code = main(list(argv))
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def program() -> Callable[..., Result]:
    def run(*argv: str, **environ: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "demod_voice", *argv],
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def as_health(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a command of the test's own in the place of ``health``: ``as_health(run)`` or ``as_health(register=...)``."""

    def install(
        run: Callable[[argparse.Namespace, App], int | None] = lambda args, app: None,
        register: Callable[[Parser], None] | None = None,
    ) -> None:
        def plain(parser: Parser) -> None:
            leaf(parser, run)

        module = ModuleType("demod_voice.cli.health")
        module.register = register or plain  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "demod_voice.cli.health", module)

    return install


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_handlers_left() -> Iterator[None]:
    """Close what a test's logging set-up opened."""
    yield
    import logging

    logger = logging.getLogger("demod_voice")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
