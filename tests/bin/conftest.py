"""A checkout in small: the real bin/, a program that tells where it runs, and a lock of one tiny package."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = getattr(sys, "_base_executable", "") or sys.executable
PROGRAM = """\
import json, os, sys
def main():
    import demod_worker
    try:
        import tiny
    except ImportError:
        tiny = None
    print(json.dumps({"prefix": sys.prefix, "argv": sys.argv, "tiny": tiny and tiny.VERSION, "sdk": demod_worker.HERE,
        "called": os.environ["DEMOD_VOICE_COMMAND"]}))
    return 7 if "fail" in sys.argv else 0
"""


def make_wheel(folder: Path, version: str) -> str:
    """A wheel of the package ``tiny``; its row in a lock file."""
    path = folder / f"tiny-{version}-py3-none-any.whl"
    info = f"tiny-{version}.dist-info"
    files = {
        "tiny/__init__.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return f"tiny=={version} \\\n    --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Checkout:
    """A folder with bin/ in it, and the packages that its set-up can find."""

    folder: Path
    wheels: Path

    @property
    def lock(self) -> Path:
        return self.folder / "requirements.txt"

    @property
    def stamp(self) -> Path:
        return self.folder / ".venv" / "demod-voice.stamp"

    def environ(self, uv: bool = True, **more: str) -> dict[str, str]:
        """No index and no cache, and nothing of the environment that runs the tests. uv is the quick road."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "PYTHON", "COV_", "COVERAGE_"))}
        given = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_NO_CONFIG": "1",
            "PATH": f"{self.wheels.parent / 'path'}{os.pathsep}{os.environ['PATH']}",
            "DEMOD_VOICE_SETUP_WITHOUT_UV": "" if uv else "1",
        }
        return {name: text for name, text in {**kept, **given, **more}.items() if text}

    def put_uv(self, script: str = 'exec $UV "$@"') -> Path:
        """Put uv on the path that ``environ`` gives; or a script, in which ``$UV`` is the real one."""
        real = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        assert real, "requirements-test.txt has it"
        path = self.wheels.parent / "path" / "uv"
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\nUV={real}\n{script}\n")
        path.chmod(0o755)
        return path

    def command(self, *arguments: str) -> list[str]:
        return [PYTHON, "-S", str(self.folder / "bin" / "demod-voice"), *arguments]

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run bin/demod-voice to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=dict(environ or self.environ()),
            cwd=self.wheels.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def python(self, code: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run code with bin/ on its path."""
        lines = f"import sys; sys.path.insert(0, {str(self.folder / 'bin')!r})\n{code}"
        given = dict(environ or self.environ())
        command = [PYTHON, "-S", "-c", lines]
        return subprocess.run(command, env=given, capture_output=True, text=True, check=False, timeout=120)


def make_checkout(place: Path, name: str = "checkout") -> Checkout:
    folder = place / name
    shutil.copytree(ROOT / "bin", folder / "bin", ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in (
        ("demod_voice/__init__.py", ""),
        ("demod_voice/cli.py", PROGRAM),
        ("backends/_sdk/demod_worker/__init__.py", "HERE = __file__\n"),
    ):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    made = Checkout(folder, place / "wheels")
    made.lock.write_text("# a lock\n" + make_wheel(made.wheels, "1.0"))
    made.put_uv()
    return made


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout that was never set up."""
    return make_checkout(tmp_path)
