"""Saved voices: added, refused, listed, renamed, removed; whole or absent."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.errors import FaultsError, OutputError, UsageError
from demod_voice.media.wav import read_wav
from demod_voice.voices.adding import NewVoice
from demod_voice.voices.names import meant, name_fault, nearest
from demod_voice.voices.saved import is_inside
from demod_voice.voices.store import VoiceStore
from demod_voice.voices.stored import keep


def leftovers(store: VoiceStore) -> list[Path]:
    return list(store.root.glob(".tmp-*"))


def test_a_clone_is_copied_decoded_and_hashed(store: VoiceStore, clone) -> None:
    report = store.add(clone())
    voice = report.voice
    assert report.warnings == ()
    assert (voice.record.kind, voice.record.cloned, voice.record.consent.label) == ("clone", True, "self")
    for each in voice.record.references:
        clip = read_wav(voice.folder / each.file)
        assert (clip.sample_rate, clip.num_channels) == (24_000, 1)
        assert clip.duration_s == pytest.approx(each.duration_s, abs=0.001)
        assert hashlib.sha256((voice.folder / each.file).read_bytes()).hexdigest() == each.sha256
    told = voice.for_engine()
    assert told.reference_texts == ("What a says.", "What b says.")
    assert all(Path(path).is_file() and Path(path).is_absolute() for path in told.references)
    assert store.show("ada") == voice
    assert not leftovers(store)


def test_adding_the_same_twice_gives_the_same_bytes(store: VoiceStore, clone) -> None:
    first, second = store.add(clone("one")).voice, store.add(clone("two")).voice
    names = sorted(path.relative_to(first.folder) for path in first.folder.rglob("*.*"))
    assert len(names) == 3
    assert all((first.folder / name).read_bytes() == (second.folder / name).read_bytes() for name in names)


def test_every_fault_at_once_and_nothing_saved(store: VoiceStore, recording, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not sound at all")
    new = NewVoice(
        name="../ada",
        engine="clonr",
        references=(recording("short.wav", 0.3), tmp_path / "text.wav", tmp_path / "gone.wav"),
        texts=("one",),
        adapter=tmp_path / "no-adapter",
        language="english please",
        speed=40.0,
        volume_db=99.0,
        consent="maybe",
    )
    with pytest.raises(FaultsError) as caught:
        store.add(new)
    text = str(caught.value)
    for word in (
        "not a voice name", "clonr", "cloner", "short.wav", "too short", "text.wav", "gone.wav does not exist",
        "3 references, 1 text", "no-adapter", "english please", "speed 40", "volume 99", "maybe",
    ):  # fmt: skip
        assert word in text, word
    assert store.names() == []
    assert not leftovers(store)
    assert not (store.root.parent / "ada").exists()


def test_a_clone_without_a_word_about_consent_is_refused_with_the_remedy(store: VoiceStore, clone) -> None:
    with pytest.raises(FaultsError, match="--consent self") as caught:
        store.add(clone(consent=None))
    assert len(caught.value.faults) == 1
    assert store.names() == []


@pytest.mark.parametrize("word", ["self", "public-domain", "unknown"])
def test_a_word_about_consent_is_kept(store: VoiceStore, clone, word: str) -> None:
    assert store.add(clone(consent=word)).voice.record.consent.label == word


def test_a_statement_is_copied_with_its_hash(store: VoiceStore, clone, tmp_path: Path) -> None:
    statement = tmp_path / "Signed.PDF"
    statement.write_bytes(b"I agree.")
    consent = store.add(clone(consent=str(statement))).voice.record.consent
    digest = hashlib.sha256(b"I agree.").hexdigest()
    assert (consent.kind, consent.file, consent.sha256) == ("file", "consent.pdf", digest)
    assert consent.label == f"file sha256:{digest}"
    assert (store.root / "ada" / "consent.pdf").read_bytes() == b"I agree."
    statement.write_bytes(b"")
    with pytest.raises(FaultsError, match="0 bytes"):
        store.add(clone("ben", consent=str(statement)))


def test_an_engine_that_cannot_clone_or_speak(store: VoiceStore, clone) -> None:
    with pytest.raises(FaultsError, match="cannot clone") as caught:
        store.add(clone(engine="plain"))
    assert "cloner" in str(caught.value)
    with pytest.raises(FaultsError, match="deaf does not speak"):
        store.add(clone(engine="deaf"))


@pytest.mark.parametrize("texts", [(), ("What a says.", " ")])
def test_an_engine_that_continues_a_conversation_needs_the_words(store: VoiceStore, clone, texts) -> None:
    with pytest.raises(FaultsError, match="talker needs the words of each reference") as caught:
        store.add(clone(engine="talker", texts=texts))
    assert len(caught.value.faults) == 1
    assert store.names() == []
    assert store.add(clone(engine="talker")).voice.name == "ada"


@pytest.mark.parametrize(
    ("seconds", "level", "word"),
    [(3.0, 0.1, "6 to 12 s are best"), (20.0, 0.1, "6 to 12 s are best"), (8.0, 4.0, "clipped")],
)
def test_a_poor_reference_is_a_warning(
    store: VoiceStore, clone, recording, seconds: float, level: float, word: str
) -> None:
    report = store.add(clone(references=(recording("r.wav", seconds, level),), texts=()))
    assert len(report.warnings) == 1
    assert word in report.warnings[0]
    assert "r.wav" in report.warnings[0]
    assert report.voice.for_engine().reference_texts == ()


def test_a_preset_and_what_does_not_go_with_it(store: VoiceStore, recording, tmp_path: Path) -> None:
    voice = store.add(NewVoice("nora", "plain", preset="en-gb+f2", speed=1.1)).voice
    assert (voice.record.kind, voice.record.consent.label) == ("preset", "preset")
    assert voice.for_engine().preset == "en-gb+f2"
    with pytest.raises(FaultsError, match="nothing says what the voice is made of"):
        store.add(NewVoice("empty", "plain"))
    with pytest.raises(FaultsError, match="a preset voice takes no"):
        store.add(NewVoice("both", "cloner", preset="x", references=(recording(),), consent="self"))


def test_a_small_model_is_copied_with_its_settings(store: VoiceStore, tmp_path: Path) -> None:
    model = tmp_path / "amy.onnx"
    model.write_bytes(b"weights")
    (tmp_path / "amy.onnx.json").write_text("{}")
    voice = store.add(NewVoice("amy", "plain", model=model, speaker="0")).voice
    assert voice.record.model is not None
    assert voice.record.model.files == {
        "model/amy.onnx": hashlib.sha256(b"weights").hexdigest(),
        "model/amy.onnx.json": hashlib.sha256(b"{}").hexdigest(),
    }
    model.unlink()
    told = voice.for_engine()
    assert Path(told.model or "").read_bytes() == b"weights"
    assert told.speaker == "0"
    assert voice.record.consent.label == "unknown"


def test_a_large_model_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "weights.bin").write_bytes(bytes(1000))
    (tmp_path / "voice").mkdir()
    stored = keep(tmp_path / "big", tmp_path / "voice", "model", limit=1000)
    assert (stored.path, stored.copied, stored.num_bytes) == (str(tmp_path / "big"), False, 1000)
    assert list((tmp_path / "voice").iterdir()) == []
    copied = keep(tmp_path / "big", tmp_path / "voice", "model", limit=1001)
    assert (copied.path, list(copied.files)) == ("model", ["model/weights.bin"])


def test_names_that_are_taken_in_another_case(store: VoiceStore, clone) -> None:
    store.add(clone("Ada"))
    with pytest.raises(FaultsError, match="a voice named Ada exists already"):
        store.add(clone("ada"))
    assert store.names() == ["Ada"], "case is kept"
    assert store.rename("Ada", "ada").name == "ada"


def test_a_voice_that_two_remove_at_once_is_gone_for_one_of_them(
    store: VoiceStore, clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(clone())
    changing = VoiceStore._changing

    def late(self: VoiceStore) -> object:
        monkeypatch.setattr(VoiceStore, "_changing", changing)
        VoiceStore(store.settings).remove("ada")
        return changing(self)

    monkeypatch.setattr(VoiceStore, "_changing", late)
    with pytest.raises(UsageError, match="no voice named 'ada'"):
        store.remove("ada")


def test_half_made_voices_of_killed_processes_are_removed(store: VoiceStore, clone) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    names = {
        "old": f".tmp-{dead.pid}-0123abcd",
        "young": f".tmp-{dead.pid}-00000000",
        "own": f".tmp-{os.getpid()}-00000000",
    }
    for name in names.values():
        (store.root / name / "references").mkdir(parents=True)
    for name in (names["old"], names["own"]):
        os.utime(store.root / name, (0, 0))
    store.add(clone())
    assert sorted(each.name for each in store.root.glob(".tmp-*")) == sorted([names["young"], names["own"]])


def test_rename_and_remove(store: VoiceStore, clone) -> None:
    store.add(clone("ada"))
    store.add(clone("grace"))
    before = store.show("ada").record
    assert store.rename("ada", "bea").record == before
    for new_name, word in [("grace", "exists already"), ("a/b", "not a voice name"), ("", "needs a name")]:
        with pytest.raises(UsageError, match=word):
            store.rename("bea", new_name)
    store.remove("bea")
    assert store.names() == ["grace"]
    for action in (store.show, store.remove, lambda name: store.rename(name, "x")):
        with pytest.raises(UsageError, match="did you mean grace"):
            action("grase")
    assert not leftovers(store)


def test_a_broken_voice_is_reported_and_hides_no_other(store: VoiceStore, clone) -> None:
    store.add(clone("ada"))
    store.add(clone("ben"))
    record = store.root / "ben" / "voice.json"
    good = json.loads(record.read_text())
    broken = [
        "{", "[]", "{}", json.dumps({**good, "speed": "fast"}), json.dumps({**good, "schema": 99}),
        json.dumps({**good, "references": [{**good["references"][0], "file": "../../secret"}]}), "\xff",
    ]  # fmt: skip
    for text in broken:
        record.write_bytes(text.encode("latin-1"))
        contents = store.contents()
        assert [each.name for each in contents.voices] == ["ada"]
        assert len(contents.broken) == 1
        assert "ben" in contents.broken[0].message
        with pytest.raises(UsageError):
            store.find("ben")
    store.remove("ben")
    assert store.names() == ["ada"]


def test_models_in_the_voices_folder_are_listed(store: VoiceStore) -> None:
    store.root.mkdir(parents=True)
    (store.root / "amy.onnx").write_bytes(b"x")
    assert [path.name for path in store.contents().models] == ["amy.onnx"]


def test_two_at_once_want_the_same_name(store: VoiceStore, clone) -> None:
    voices = [clone(), clone()]
    results: list[str] = []

    def add(new: NewVoice) -> None:
        try:
            results.append(store.add(new).voice.name)
        except UsageError as error:
            results.append("exists" if "exists already" in str(error) else str(error))

    threads = [threading.Thread(target=add, args=(new,)) for new in voices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["ada", "exists"]
    assert not leftovers(store)


def test_a_store_that_is_a_file(settings, clone, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    store = VoiceStore(replace(settings, paths=replace(settings.paths, voices=str(tmp_path / "file"))))
    with pytest.raises(OutputError):
        store.add(clone())
    assert store.contents().voices == ()


def test_the_store_follows_its_setting(tmp_path: Path, settings) -> None:
    from demod_voice.config.folders import data_folder

    assert VoiceStore(settings).root == tmp_path / "voices"
    assert VoiceStore(replace(settings, paths=replace(settings.paths, voices=""))).root == data_folder() / "voices"


@pytest.mark.parametrize("name", ["a", "Ada", "en_GB-amy-2", "0", "x" * 64])
def test_good_names(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/a", "a\\b", "a b", "-a", "_a", ".a", "é", "a\n", "a\0", "x" * 65]
)
def test_bad_names(name: str) -> None:
    assert name_fault(name)


@given(st.text(max_size=20))
def test_a_name_that_is_allowed_stays_in_its_folder(name: str) -> None:
    if name_fault(name) is None:
        assert Path("/store", name).resolve() == Path("/store") / name
        assert is_inside(name)


@given(st.text(alphabet="ab./\\\0", max_size=12))
def test_a_file_name_that_is_inside_stays_inside(name: str) -> None:
    if is_inside(name):
        path = Path("/store/voice") / name
        assert Path(os.path.normpath(path)).is_relative_to("/store/voice")
        assert os.path.normpath(path) != "/store/voice"


def test_nearest_names() -> None:
    known = ["Grace", "ada", "nora"]
    assert nearest("grase", known) == ["Grace"]
    assert meant("zzz", known) == ""
    assert meant("ado", known) == "did you mean ada?"
