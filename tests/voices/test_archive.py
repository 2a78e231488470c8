"""``.voice`` files: the same bytes for the same voice, and nothing of a hostile one."""

from __future__ import annotations

import json
import os
import stat
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from demod_voice.errors import FaultsError, OutputError, UsageError
from demod_voice.records.hashing import hash_bytes
from demod_voice.voices.adding import NewVoice
from demod_voice.voices.archive import LARGEST_RATIO, MOST_FILES
from demod_voice.voices.store import VoiceStore


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


Entry = tuple[zipfile.ZipInfo, bytes]


_MADE: dict[str, bytes] = {}


@pytest.fixture
def archive(store: VoiceStore, clone, tmp_path: Path) -> Path:
    """A saved clone and its export; decoded once, imported for every other test."""
    path = tmp_path / "ada.voice"
    if _MADE:
        path.write_bytes(_MADE["ada"])
        store.import_(path)
        return path
    statement = tmp_path / "signed.txt"
    statement.write_text("I agree.")
    store.add(clone(consent=str(statement)))
    store.export("ada", path)
    _MADE["ada"] = path.read_bytes()
    return path


def entries(path: Path) -> list[Entry]:
    with zipfile.ZipFile(path) as found:
        return [(entry, found.read(entry)) for entry in found.infolist()]


def pack(path: Path, given: list[Entry]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for entry, data in given:
            out.writestr(entry, data)
    return path


def changed_manifest(given: list[Entry], change: Callable[[dict[str, Any]], None]) -> list[Entry]:
    manifest = json.loads(given[0][1])
    change(manifest)
    return [(given[0][0], json.dumps(manifest).encode()), *given[1:]]


def test_there_and_back(store: VoiceStore, archive: Path) -> None:
    before = tree(store.root / "ada")
    assert store.import_(archive, "bea").record == store.show("ada").record
    assert tree(store.root / "bea") == before
    store.remove("ada")
    assert store.import_(archive).name == "ada"


def test_the_same_voice_gives_the_same_bytes(
    store: VoiceStore, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1e9)
    store.import_(archive, "bea")
    store.remove("ada")
    store.rename("bea", "ada")
    for path in store.root.rglob("*"):
        os.utime(path, (1e9, 1e9))
    store.export("ada", tmp_path / "again.voice")
    assert (tmp_path / "again.voice").read_bytes() == archive.read_bytes()


def test_the_manifest_says_whose_voice_it_is(archive: Path) -> None:
    manifest = json.loads(entries(archive)[0][1])
    assert (manifest["name"], manifest["engine"], manifest["licence"]) == ("ada", "cloner", "CC-BY-4.0")
    assert manifest["consent"]["kind"] == "file"
    assert set(manifest["files"]) == {"consent.txt", "references/01.wav", "references/02.wav", "voice.json"}


def test_a_model_that_lies_elsewhere_comes_along(
    store: VoiceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demod_voice.voices.stored.COPY_BELOW", 0)
    monkeypatch.setattr("demod_voice.voices.stored.keep.__defaults__", (0,))
    model = tmp_path / "big" / "amy.onnx"
    model.parent.mkdir()
    model.write_bytes(b"weights")
    (tmp_path / "big" / "amy.onnx.json").write_text("{}")
    voice = store.add(NewVoice("amy", "plain", model=model)).voice
    assert voice.for_engine().model == str(model)
    store.export("amy", tmp_path / "amy.voice")
    assert str(tmp_path) not in entries(tmp_path / "amy.voice")[0][1].decode()
    assert str(tmp_path).encode() not in (tmp_path / "amy.voice").read_bytes()
    model.unlink()
    back = store.import_(tmp_path / "amy.voice", "bea")
    assert Path(back.for_engine().model or "").read_bytes() == b"weights"
    with pytest.raises(UsageError, match="gone or changed"):
        store.export("amy", tmp_path / "amy.voice")


def test_a_changed_file_is_not_exported(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    (store.root / "ada" / "references" / "01.wav").write_bytes(b"other")
    with pytest.raises(UsageError, match=r"references/01.wav"):
        store.export("ada", tmp_path / "x.voice")
    assert not (tmp_path / "x.voice").exists()
    with pytest.raises((OutputError, UsageError)):
        store.export("ada", tmp_path / "no" / "x.voice")


def test_a_name_that_is_taken(store: VoiceStore, archive: Path) -> None:
    with pytest.raises(UsageError, match="ada exists already"):
        store.import_(archive)
    with pytest.raises(UsageError, match="not a voice name"):
        store.import_(archive, "../x")


def renamed(given: list[Entry], name: str) -> list[Entry]:
    manifest = json.loads(given[0][1])
    manifest["files"][name] = manifest["files"].pop("consent.txt")
    return [(given[0][0], json.dumps(manifest).encode()), *[
        (zipfile.ZipInfo(name) if entry.filename == "consent.txt" else entry, data) for entry, data in given[1:]
    ]]  # fmt: skip


def test_every_way_out_of_the_folder_is_refused(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    for name in ("../evil", "a/../../evil", "/etc/evil", "..\\evil", "references/../../evil", "./evil", "folder/"):
        bad = pack(tmp_path / "bad.voice", renamed(entries(archive), name))
        with pytest.raises(UsageError):
            store.import_(bad, "bea")
    assert store.names() == ["ada"]
    assert not list(tmp_path.rglob("evil*"))
    assert not list(store.root.glob(".tmp-*"))


def test_links_are_refused(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    given = entries(archive)
    link = zipfile.ZipInfo("references/01.wav")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    given = [(link if entry.filename == link.filename else entry, data) for entry, data in given]
    with pytest.raises(FaultsError, match="is a link"):
        store.import_(pack(tmp_path / "bad.voice", given), "bea")


def test_a_bomb_is_refused_before_it_is_unpacked(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    given = changed_manifest(
        entries(archive), lambda each: each["files"].update(bomb={"sha256": "0", "bytes": 1 << 26})
    )
    bomb = zipfile.ZipInfo("bomb")
    bomb.compress_type = zipfile.ZIP_DEFLATED
    with pytest.raises(FaultsError, match=f"more than {LARGEST_RATIO} times"):
        store.import_(pack(tmp_path / "bad.voice", [*given, (bomb, bytes(1 << 26))]), "bea")
    many = [(zipfile.ZipInfo(f"f{number}"), b"") for number in range(MOST_FILES + 1)]
    with pytest.raises(FaultsError, match="files; at most"):
        store.import_(pack(tmp_path / "bad.voice", [*given, *many]), "bea")


@pytest.mark.parametrize(("change", "word"), [("encrypted", "is encrypted"), ("bzip2", "packed in a way")])
def test_odd_entries_are_refused(store: VoiceStore, archive: Path, tmp_path: Path, change: str, word: str) -> None:
    given = entries(archive)
    if change == "bzip2":
        for entry, _ in given[1:]:
            entry.compress_type = zipfile.ZIP_BZIP2
    bad = pack(tmp_path / "bad.voice", given)
    if change == "encrypted":
        data = bytearray(bad.read_bytes())
        at = data.rindex(b"PK\x01\x02")
        data[at + 8] |= 1
        bad.write_bytes(data)
    with pytest.raises(FaultsError, match=word):
        store.import_(bad, "bea")


def test_a_file_that_grew_or_changed_is_named(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    def swap(data: bytes) -> Path:
        given = [(entry, data if entry.filename == "consent.txt" else old) for entry, old in entries(archive)]
        return pack(tmp_path / "bad.voice", given)

    for data in (b"I agree!", b"I agree. And more.", b""):
        with pytest.raises(FaultsError, match=r"'consent.txt' is not the file that was exported"):
            store.import_(swap(data), "bea")
    assert store.names() == ["ada"]


def test_every_fault_of_a_file_at_once(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    given = changed_manifest(entries(archive), lambda each: each["files"].update(ghost={"sha256": "0", "bytes": 1}))
    extra = [(zipfile.ZipInfo("stray"), b"x"), (zipfile.ZipInfo("../out"), b"x")]
    with pytest.raises(FaultsError) as caught:
        store.import_(pack(tmp_path / "bad.voice", [*given, *extra]), "bea")
    text = str(caught.value)
    assert all(word in text for word in ("'stray' is not in the manifest", "'ghost'", "'../out' leads out"))


def test_a_clone_whose_consent_was_cut_out(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    import hashlib

    given = entries(archive)
    record = json.loads(next(data for entry, data in given if entry.filename == "voice.json"))
    record["consent"] = {"kind": "", "file": "", "sha256": ""}
    text = json.dumps(record).encode()
    listed = {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}
    given = changed_manifest(given, lambda each: each["files"].update({"voice.json": listed}))
    given = [(entry, text if entry.filename == "voice.json" else data) for entry, data in given]
    with pytest.raises(FaultsError, match="without a word about consent"):
        store.import_(pack(tmp_path / "bad.voice", given), "bea")


HOSTS = {"/etc/hosts": hash_bytes(Path("/etc/hosts").read_bytes())}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"model": {"path": "/etc/hosts", "files": {}}}, "leads out"),
        ({"model": {"path": "/etc/hosts", "files": HOSTS}}, "leads out"),
        ({"adapter": {"path": "../../ben", "files": {}}}, "leads out"),
        ({"model": {"path": "model", "files": {}}}, "none"),
        ({"model": {"path": "model", "files": {"references/01.wav": ""}}}, "references/01.wav"),
        ({"language": "x y"}, "not a language tag"),
        ({"engine": "../cloner"}, "not the name of an engine"),
        ({"schema": 0}, "schema 0"),
    ],
)
def test_a_record_that_reaches_out_or_means_nothing_is_refused(
    store: VoiceStore, archive: Path, tmp_path: Path, change: dict[str, Any], word: str
) -> None:
    given = entries(archive)
    (place,) = [number for number, (entry, _) in enumerate(given) if entry.filename == "voice.json"]
    text = json.dumps({**json.loads(given[place][1]), **change}).encode()
    given[place] = (given[place][0], text)

    def list_it(manifest: dict[str, Any]) -> None:
        manifest["files"]["voice.json"] = {"sha256": hash_bytes(text), "bytes": len(text)}

    pack(tmp_path / "evil.voice", changed_manifest(given, list_it))
    with pytest.raises(UsageError, match=word):
        store.import_(tmp_path / "evil.voice", "evil")
    assert store.names() == ["ada"]


@pytest.mark.parametrize("cut", [0, 10, 100, 5000, -1, -20])
def test_a_torn_or_foreign_file(store: VoiceStore, archive: Path, tmp_path: Path, cut: int) -> None:
    bad = tmp_path / "bad.voice"
    bad.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(UsageError, match=r"bad\.voice"):
        store.import_(bad, "bea")
    assert store.names() == ["ada"]


def test_what_is_no_voice_at_all(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        store.import_(tmp_path / "none.voice")
    with pytest.raises(UsageError, match="is not a file"):
        store.import_(tmp_path)
    for manifest in (
        b"",
        b"[]",
        b"{}",
        b'{"format": "other", "schema": 1, "files": {}}',
        b'{"files": []}',
        b"\xff",
        b"[" * 100_000,
    ):
        with pytest.raises(UsageError, match=r"is not a \.voice file"):
            store.import_(pack(tmp_path / "bad.voice", [(zipfile.ZipInfo("manifest.json"), manifest)]))
    newer = changed_manifest(entries(archive), lambda each: each.update(schema=2))
    with pytest.raises(UsageError, match="update demod-voice"):
        store.import_(pack(tmp_path / "bad.voice", newer), "bea")


def test_random_damage_is_never_a_voice_with_other_bytes(store: VoiceStore, archive: Path, tmp_path: Path) -> None:
    import random

    data, bad = archive.read_bytes(), tmp_path / "bad.voice"
    before = tree(store.root / "ada")
    chance = random.Random(5)
    for _ in range(80):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at = chance.choice(
                [chance.randrange(len(data)), len(data) - 1 - chance.randrange(700), chance.randrange(2000)]
            )
            damaged[at] ^= 1 << chance.randrange(8)
        bad.write_bytes(damaged)
        try:
            store.import_(bad, "bea")
        except UsageError:
            continue
        assert tree(store.root / "bea") == before
        store.remove("bea")
    assert store.names() == ["ada"]
