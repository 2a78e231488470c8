"""Runs the pip of an engine's environment: with the user's configuration, with progress, and with words when it fails."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from demod_voice.config.folders import state_folder
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import EngineStartFailed
from demod_voice.records.progress import SILENT, Progress

HASHED = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
"""How a list is installed: as it is, checked, and nothing is compiled."""
QUIET = ("--no-input", "--disable-pip-version-check")
SHOWN_LINES = 8
BIG_MB = 50.0
"""A download from here on is shown by itself."""
RAW_SINCE = (24, 1)
"""pip's first version that tells how far a download is (``--progress-bar raw``)."""
OFFLINE = ("Temporary failure in name resolution", "NewConnectionError", "Max retries exceeded", "ConnectTimeoutError")
"""What pip says where there is no network."""
MISMATCH = "THESE PACKAGES DO NOT MATCH THE HASHES"
_DOWNLOADING = re.compile(r"\s*Downloading (\S+)(?: \(([\d.]+) (kB|MB|GB)\))?")
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)$")
_CPU_TORCH = re.compile(r"torch==\S+\+cpu")
_UNIT_MB = {"kB": 0.001, "MB": 1.0, "GB": 1000.0}


class PipFailed(Exception):
    """Pip ended with an error; its lines."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines[-SHOWN_LINES:]))
        self.lines = lines


@dataclass(slots=True)
class Pip:
    """The pip of one environment."""

    environment: Path
    held: int
    """Descriptor of the installation's lock: what pip starts keeps it, so a kill of this process does not free it."""
    offline: bool = False
    """Nothing but what is named in the arguments: no index, no configuration."""
    umask: int = -1
    """Of the files it makes; -1 = this process's."""
    progress: Progress = SILENT
    step: str = ""
    """Told of each package."""
    lines: list[str] = field(default_factory=list)
    """All that pip said."""

    def run(self, *arguments: str) -> list[str]:
        """Run ``pip ARGUMENTS``; what it said, line by line.

        Raises:
            PipFailed: it ended with an error.
        """
        command = [str(self.environment / "bin" / "python"), "-m", "pip", *arguments, *QUIET]
        shown, said = Downloads(self.progress, self.step), []
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environ(),
            pass_fds=[self.held],
            umask=self.umask,
        )
        try:
            for line in process.stdout or ():
                shown.take(line)
                if not _PROGRESS.match(line):
                    said.append(line.rstrip())
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            shown.end()
            self.lines += said
        if code != 0:
            raise PipFailed(said)
        return said

    def _environ(self) -> dict[str, str]:
        """The user's, without what would lead pip out of this environment (a configured --user, --target, --prefix)."""
        unwanted = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
        kept = {name: value for name, value in os.environ.items() if name not in unwanted}
        if self.offline:
            kept = {name: value for name, value in kept.items() if not name.startswith("PIP_")}
            kept |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
        return kept | {"PYTHONNOUSERSITE": "1", "PIP_USER": "0", "PIP_PROGRESS_BAR": self._bar()}

    def _bar(self) -> str:
        for path in self.environment.glob("lib/python*/site-packages/pip-*.dist-info"):
            numbers = re.findall(r"\d+", path.name)[:2]
            return "raw" if tuple(map(int, numbers)) >= RAW_SINCE else "off"
        return "off"


def base_python() -> str:
    """The interpreter behind this program's own environment: an environment made from it outlives a rebuild of .venv."""
    return getattr(sys, "_base_executable", "") or sys.executable


def make_venv(info: EngineInfo, folder: Path, held: int, umask: int = -1) -> None:
    """An empty environment with its own pip.

    Raises:
        EngineStartFailed: Python cannot make one.
    """
    command = [base_python(), "-m", "venv", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, pass_fds=[held], umask=umask)
    said = done.stdout + done.stderr
    if done.returncode == 0:
        return
    if "ensurepip" in said:
        raise EngineStartFailed(
            f"engine {info.name}: its environment could not be made: this Python has no ensurepip",
            "on Debian and Ubuntu: apt install python3-venv",
        )
    raise failed(info, ["its environment could not be made", *said.strip().splitlines()])


class Downloads:
    """Turns pip's lines into progress: a step of packages, and one in MB for each big download."""

    def __init__(self, progress: Progress, step: str) -> None:
        self._progress, self._step = progress, step
        self._name = self._running = ""
        self._done = 0

    def take(self, line: str) -> None:
        """One line of pip's."""
        if line.startswith("Collecting ") and self._step:
            self._progress.advance(self._step)
        elif found := _DOWNLOADING.match(line):
            self._name = found[1].split("-")[0]
            if found[2] and float(found[2]) * _UNIT_MB[found[3]] >= BIG_MB:
                self._progress.note(f"downloading {self._name}: {found[2]} {found[3]}")
        elif found := _PROGRESS.match(line):
            self._bytes(int(found[1]), int(found[2]))

    def end(self) -> None:
        """Nothing more comes."""
        if self._running:
            self._progress.finish(self._running)
        self._running, self._done = "", 0

    def _bytes(self, done: int, total: int) -> None:
        if total < BIG_MB * 1e6:
            return
        if not self._running:
            self._running = f"download {self._name}"
            self._progress.start(self._running, total / 1e6, "MB")
        self._progress.advance(self._running, (done - self._done) / 1e6)
        self._done = done
        if done >= total:
            self.end()


def install_log(info: EngineInfo) -> Path:
    """Everything that pip said when it last installed or bundled the engine."""
    return state_folder() / f"install-{info.name}.log"


def keep_log(info: EngineInfo, lines: Sequence[str]) -> None:
    """Write the log; a folder that cannot be written to is no reason to fail."""
    path = install_log(info)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def failed(
    info: EngineInfo, lines: list[str], what: str = "could not be installed", verb: str = "install"
) -> EngineStartFailed:
    """The error for what pip said last; ``verb``: the command of ``engines`` that was at work."""
    text = "\n".join(f"    {line}" for line in lines[-SHOWN_LINES:])
    said = "\n".join(lines)
    command = f"engines {verb} {info.name}{' -o DIR' * (verb == 'bundle')}"
    again = f"run again: demod-voice {command} (all that pip said: {install_log(info)})"
    if any(words in said for words in OFFLINE):
        again = f"the package index cannot be reached: check the network or pip's configuration, then {again}"
    elif "from versions: none" in said:
        again = f"pip found no package at all: is the network, or the proxy of pip's configuration, there? Then {again}"
    elif MISMATCH in said and _CPU_TORCH.search(said):
        again = (
            "the CPU build of torch for this Python is none whose hash is known: use Python 3.11, or leave --device away"
            f" (the CUDA build runs on a CPU too), then {again}"
        )
    elif MISMATCH in said:
        again = f"a package is not the one that was checked for this engine: look at pip's index, then {again}"
    elif "No space left on device" in said:
        again = f"the disk is full: free some space, then {again}"
    return EngineStartFailed(f"engine {info.name} {what}\n{text}", again)
