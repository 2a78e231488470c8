"""An engine's wheels in a folder, for a machine without a network: made by ``engines bundle``, taken by ``--from``.

``bundle.json`` is written last and names every file with its size and SHA-256; the packages are also checked against the
engine's own list, so a bundle cannot bring another package than the program asks for (a ROCm torch, which no list knows,
is checked against ``bundle.json`` alone, and its maker was told).
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import shutil
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demod_voice.engines.locked_list import CUDA_LIST, LIST, pins, torch_version
from demod_voice.engines.pip_list import build_for, cuda_request, requests
from demod_voice.engines.pip_runner import Pip, PipFailed, failed, keep_log, make_venv
from demod_voice.engines.stamps import wanted_stamp
from demod_voice.engines.torch_build import CUDA, DEVICES, ROCM, TorchChoice, downloaded_torch
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import UsageError
from demod_voice.records.atomic import TEMPORARY_MARK, abandoned, output_error, write_json
from demod_voice.records.hashing import hash_file
from demod_voice.records.lock import locked
from demod_voice.records.progress import Progress
from demod_voice.units import format_size

MANIFEST, WHEELS = "bundle.json", "wheels"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that fits this engine and this machine."""

    folder: Path
    choice: TorchChoice
    """Which torch it holds."""
    num_bytes: int
    """Of its wheels."""

    @property
    def wheels(self) -> Path:
        """Where pip finds the packages."""
        return self.folder / WHEELS


def make_bundle(info: EngineInfo, out: Path, device: str, progress: Progress) -> Bundle:
    """Download every package of an engine into ``out``, which appears whole or not at all.

    Raises:
        UsageError: ``out`` is there already.
        EngineStartFailed: pip failed, or does not have the build that was asked for.
        OutputError: the folder cannot be written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already", "name a folder that is not there yet, or an empty one")
    temporary = out.absolute().parent / f"{TEMPORARY_MARK}{os.getpid()}-{secrets.token_hex(4)}"
    try:
        for left in list(abandoned(temporary.parent)):
            shutil.rmtree(left, ignore_errors=True)
        (temporary / WHEELS).mkdir(parents=True)
        choice = _download(info, temporary, device, progress)
        manifest = _manifest(info, temporary, choice)
        write_json(temporary / MANIFEST, manifest)
        temporary.replace(out)
    except OSError as error:
        raise output_error(out, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    size = sum(each["bytes"] for each in manifest["files"])
    progress.note(f"engine {info.name}: {len(manifest['files'])} packages, {format_size(size)}, in {out}")
    return Bundle(out, choice, size)


def check_bundle(info: EngineInfo, folder: Path, device: str) -> dict[str, Any]:
    """What a bundle says of itself; its files are not looked at.

    Raises:
        UsageError: it is none, or is for another engine, list, Python, platform or device.
    """
    manifest = _read(folder)
    _check_fit(info, folder, manifest, device)
    _check_torch(info, folder, manifest)
    return manifest


def open_bundle(info: EngineInfo, folder: Path, device: str) -> Bundle:
    """A bundle, with every file checked.

    Raises:
        UsageError: it is none, is damaged, or is for another engine, list, Python, platform or device.
    """
    manifest = check_bundle(info, folder, device)
    for each in manifest["files"]:
        path = folder / WHEELS / each["name"]
        if not path.is_file() or path.stat().st_size != each["bytes"] or hash_file(path) != each["sha256"]:
            raise UsageError(f"{path} is missing or damaged", "copy the bundle again")
    listed = {each["name"] for each in manifest["files"]}
    for path in sorted((folder / WHEELS).iterdir()):
        if path.suffix == ".whl" and not path.name.startswith(".") and path.name not in listed:
            raise UsageError(f"{path} is not of this bundle", "copy the bundle again, into a folder of its own")
    torch = manifest["torch"]
    note = "" if manifest["hashed"] else f"torch {torch} is taken without checking its hash: no list knows it"
    choice = TorchChoice(f"torch=={torch}" if torch else "", manifest["device"], manifest["hashed"], note)
    return Bundle(folder, choice, sum(each["bytes"] for each in manifest["files"]))


def _download(info: EngineInfo, folder: Path, device: str, progress: Progress) -> TorchChoice:
    step = f"download {info.name}"
    progress.start(step, len(pins(info.folder / LIST)) + 1, "packages")
    with tempfile.TemporaryDirectory() as name, locked(Path(name) / "lock") as held:
        pip = Pip(Path(name) / "venv", held, progress=progress, step=step)
        try:
            make_venv(info, pip.environment, held)
            choice = build_for(info, pip, device)
            if choice.note:
                progress.note(choice.note)
            for arguments in requests(info, choice, Path(name)):
                pip.run("download", *arguments, "-d", str(folder / WHEELS))
            torch = downloaded_torch(folder / WHEELS)
            if torch:
                choice = replace(choice, device=torch.device, requirement=f"torch=={torch.version}")
            cuda = cuda_request(info) if choice.device == CUDA else []
            if cuda:
                pip.run("download", *cuda, "-d", str(folder / WHEELS))
        except PipFailed as error:
            raise failed(info, error.lines, "could not be bundled", "bundle") from None
        finally:
            keep_log(info, pip.lines)
            progress.finish(step)
    return choice


def _manifest(info: EngineInfo, folder: Path, choice: TorchChoice) -> dict[str, Any]:
    """What is in the bundle, and what it fits."""
    wheels = sorted((folder / WHEELS).iterdir())
    lock = wanted_stamp(info)
    for name in (LIST, CUDA_LIST):
        if (info.folder / name).is_file():
            shutil.copyfile(info.folder / name, folder / name)
    return {
        "engine": info.name,
        "version": info.version,
        "licence": info.licence,
        "python": lock.python,
        "platform": _platform(),
        "lock": lock.lock,
        "cuda_lock": lock.cuda_lock if choice.device == CUDA else "",
        "device": choice.device,
        "torch": choice.requirement.removeprefix("torch=="),
        "hashed": choice.hashed,
        "files": [{"name": each.name, "bytes": each.stat().st_size, "sha256": hash_file(each)} for each in wheels],
    }


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        _ = [found[key] for key in ("engine", "python", "platform", "lock", "cuda_lock", "device", "torch", "hashed")]
        names = [(each["name"], each["bytes"], each["sha256"])[0] for each in found["files"]]
        strange = [name for name in names if Path(name).name != name or name in ("", "..")]
        if strange or not all(isinstance(found[key], str) for key in ("device", "torch")):
            raise ValueError(f"{strange[0]!r} is no name of a file" if strange else "device and torch are texts")
    except FileNotFoundError as error:
        raise UsageError(
            f"{folder} holds no bundle: there is no {MANIFEST}", "make one: engines bundle NAME -o DIR"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged: {error!r}", "copy the bundle again, or make it again") from error
    return dict(found)


def _check_fit(info: EngineInfo, folder: Path, manifest: dict[str, Any], device: str) -> None:
    wanted = wanted_stamp(info)
    cuda = wanted.cuda_lock if manifest["device"] == CUDA else ""
    again = "make it again where there is a network, with this version of the program, that Python and that platform"
    for what, has, needs in (
        ("engine", manifest["engine"], info.name),
        ("Python", manifest["python"], wanted.python),
        ("platform", manifest["platform"], _platform()),
    ):
        if has != needs:
            hint = f"give {info.name}'s bundle" if what == "engine" else again
            raise UsageError(f"{folder} is a bundle for {what} {has}, and {needs} is wanted", hint)
    if (manifest["lock"], manifest["cuda_lock"]) != (wanted.lock, cuda):
        raise UsageError(f"{folder} is a bundle of another list than this program's for {info.name}", again)
    if device not in ("auto", manifest["device"]):
        has = manifest["device"] or "any device"
        raise UsageError(f"{folder} is a bundle for {has}, not for {device}", "leave --device away, or bundle that one")


def _check_torch(info: EngineInfo, folder: Path, manifest: dict[str, Any]) -> None:
    """Its torch goes into the list that pip is given: it must be a build of the one that the list names, and nothing else.

    Only a ROCm build has a hash that no list knows.
    """
    version, torch, device = torch_version(info.folder / LIST), manifest["torch"], manifest["device"]
    build = rf"{re.escape(version)}(\+[A-Za-z0-9.]+)?" if version else ""
    unhashed = device == ROCM and "+rocm" in torch
    if device not in ("", *DEVICES[1:]) or not re.fullmatch(build, torch) or not (manifest["hashed"] or unhashed):
        raise UsageError(
            f"{folder / MANIFEST} names torch {torch!r} for {device!r}, which {info.name} does not ask for",
            "make the bundle again",
        )


def _platform() -> str:
    return f"{sys.platform}-{platform.machine()}"
