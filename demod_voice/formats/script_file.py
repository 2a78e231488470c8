"""Read an episode script from a file: which format it is, its encoding, and every fault at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shlex import quote

from demod_voice.config.settings import Limits
from demod_voice.errors import Fault, FaultsError, UsageError
from demod_voice.formats.document import load_json, load_yaml
from demod_voice.formats.inherited import ALONE, Outer
from demod_voice.formats.script import Script
from demod_voice.formats.script_data import read_data
from demod_voice.formats.script_markdown import read_markdown
from demod_voice.records.hashing import hash_bytes
from demod_voice.units import format_size, parse_size

MARKDOWN, JSON, YAML = (".md", ".markdown", ".txt"), (".json",), (".yaml", ".yml")
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def read_script(path: Path, limits: Limits) -> Script:
    """The script in a file.

    Raises:
        UsageError: the file does not exist, is too large, or is of no known kind.
        FaultsError: everything that is wrong in it, with lines.
    """
    script, faults = scan_script(path, limits)
    if faults:
        raise FaultsError(str(path), faults)
    return script


def scan_script(path: Path, limits: Limits, outer: Outer = ALONE) -> tuple[Script, list[Fault]]:
    """As much of the script as can be read, and everything that is wrong in it: for who looks for more faults.

    Raises:
        UsageError: the file does not exist, is too large, is empty, or is no text of a known kind.
    """
    data = _data(path, limits)
    text = _decode(data, path).replace("\r\n", "\n").replace("\r", "\n")
    faults: list[Fault] = []
    outer = replace(outer, folder=path.parent)
    if not text.strip():
        raise FaultsError(
            str(path), [Fault(None, "the script is empty", "start from: demod-voice episode new my-show.md")]
        )
    suffix = path.suffix.lower()
    if suffix in JSON:
        script = read_data(load_json(text, faults), path.name, limits, faults, outer)
    elif suffix in YAML:
        script = read_data(load_yaml(text, 0, faults), path.name, limits, faults, outer)
    else:
        script = read_markdown(text, path.name, limits, faults, outer)
    return replace(script, sha256=hash_bytes(data)), faults


def _data(path: Path, limits: Limits) -> bytes:
    if path.suffix.lower() not in MARKDOWN + JSON + YAML:
        known = " ".join(MARKDOWN + JSON + YAML)
        raise UsageError(f"{path} is not a script: its suffix is {path.suffix!r}", f"known suffixes: {known}")
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is {'a folder' if path.is_dir() else 'not a file'}", "give the script's file")
        size = path.stat().st_size
        if size > parse_size(limits.script_size):
            limit = f"at most {limits.script_size} (limits.script_size)"
            raise UsageError(f"{path} is {format_size(size)}, too large for a script", limit)
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"the script {path} does not exist") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"the script {path} cannot be read: {getattr(error, 'strerror', error)}") from error


def _decode(data: bytes, path: Path) -> str:
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise FaultsError(str(path), [_undecoded(data, error, path)]) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        hint = "if it is text, save it as UTF-8"
        raise FaultsError(str(path), [Fault(line, "holds a NUL character: a binary file is no script", hint)])
    return text


def _undecoded(data: bytes, error: UnicodeDecodeError, path: Path) -> Fault:
    if error.encoding.startswith("utf-16") or error.encoding.startswith("utf_16"):
        return Fault(None, f"is not whole UTF-16 (byte offset {error.start})", "save it as UTF-8")
    if b"\0" in data[:4096]:
        return Fault(None, "is a binary file, not a script", "give the script's file")
    line = data[: error.start].count(b"\n") + 1
    new = path.with_name(f"{path.stem}-utf8{path.suffix}")
    hint = f"save it as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8 {quote(str(path))} > {quote(str(new))}"
    return Fault(line, f"is not UTF-8: byte 0x{data[error.start]:02X} at byte offset {error.start}", hint)
