"""What the words of a script mean: saved voices first, then models, then presets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from demod_worker.messages import LoadResult

from demod_voice.errors import UsageError
from demod_voice.voices.adding import NewVoice
from demod_voice.voices.resolve import resolve
from demod_voice.voices.resolved import has_preset


@pytest.fixture
def saved(store, clone):
    store.add(clone("ada"))
    store.add(
        NewVoice(
            "nora", "plain", preset="en-gb", speaker="3", speed=1.2, pitch=0.9, volume_db=-2.0, style={"a": 1, "b": 2}
        )
    )
    return store


def test_a_saved_voice_comes_first_and_brings_everything(settings, saved) -> None:
    voice = resolve(settings, voice="ada")
    assert (voice.name, voice.engine.name, voice.language) == ("ada", "cloner", "en-GB")
    assert (voice.consent, voice.licence) == ("self", "CC-BY-4.0")
    assert len(voice.voice.references) == 2
    assert resolve(settings, engine="cloner", voice="ada") == voice
    assert resolve(settings, model="ada") == voice


@pytest.mark.parametrize(
    ("voice", "index", "known"),
    [("ada", 2, "it has 2: they are 0 to 1"), ("ada", -1, "it has 2: they are 0 to 1"), ("nora", 0, "it has none")],
)
def test_an_anchor_that_a_voice_has_not(settings, saved, voice: str, index: int, known: str) -> None:
    with pytest.raises(UsageError, match=f"voice {voice} has no anchor {index}") as caught:
        resolve(settings, voice=voice).anchored(index)
    assert caught.value.hint == known
    assert resolve(settings, voice="ada").anchored(1).voice.reference_texts == ("What b says.",)


def test_what_is_said_beside_it_is_added_to_the_voices_own(settings, saved) -> None:
    voice = resolve(
        settings, voice="nora", speaker="0", language="de", speed=0.5, pitch=2.0, volume_db=1.0, style={"b": 3}
    )
    assert voice.voice.speaker == "0"
    assert (voice.language, voice.volume_db) == ("de", -1.0)
    assert (voice.speed, voice.pitch) == (pytest.approx(0.6), pytest.approx(1.8))
    assert dict(voice.style) == {"a": 1, "b": 3}
    assert resolve(settings, voice="nora").voice.speaker == "3"


def test_another_engine_than_the_saved_voices(settings, saved) -> None:
    with pytest.raises(UsageError, match="nora is saved for engine plain"):
        resolve(settings, engine="cloner", voice="nora")


def test_a_preset_of_the_named_or_default_engine(settings) -> None:
    voice = resolve(settings, engine="plain", voice="en-us+f3")
    assert (voice.name, voice.voice.preset, voice.consent, voice.licence) == (
        "en-us+f3",
        "en-us+f3",
        "preset",
        "CC0-1.0",
    )
    default = replace(settings, engines=replace(settings.engines, default="plain"))
    assert resolve(default).engine.name == "plain"
    assert resolve(default).voice.preset is None
    assert resolve(default).name == "default"


def test_a_model_by_path_or_by_its_name_in_the_voices_folder(settings, store, tmp_path: Path) -> None:
    model = tmp_path / "amy.onnx"
    model.write_bytes(b"x")
    for asked in ({"voice": str(model)}, {"model": str(model)}):
        voice = resolve(settings, engine="plain", speaker="0", **asked)
        assert (voice.name, voice.voice.model, voice.voice.speaker) == ("amy", str(model), "0")
        assert (voice.voice.preset, voice.consent) == (None, "unknown")
    store.root.mkdir(parents=True)
    (store.root / "ben.onnx").write_bytes(b"x")
    for name in ("ben", "ben.onnx"):
        assert resolve(settings, engine="plain", voice=name).voice.model == str(store.root / "ben.onnx")
        assert resolve(settings, engine="plain", model=name).voice.model == str(store.root / "ben.onnx")


def test_an_onnx_model_without_an_engine_is_pipers(settings, tmp_path: Path) -> None:
    model = tmp_path / "amy.onnx"
    model.write_bytes(b"x")
    assert resolve(settings, model=str(model)).engine.name == "piper"
    assert resolve(settings, voice=str(model)).engine.name == "piper"


def test_a_model_folder_needs_no_suffix(settings, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()
    voice = resolve(settings, engine="plain", model=str(tmp_path / "checkpoint"))
    assert voice.voice.model == str(tmp_path / "checkpoint")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"engine": "plian"}, ["plian", "plain"]),
        ({"engine": "piper"}, ["engine piper needs a voice", "piper-voices", "voices add NAME --engine piper"]),
        ({"engine": "piper", "voice": "norra"}, ["no voice 'norra' for engine piper", "did you mean nora"]),
        ({"model": "norra"}, ["model norra does not exist", "did you mean nora"]),
        ({"voice": "models/nora.onnx"}, ["models/nora.onnx does not exist", "did you mean nora"]),
        ({"voice": "a", "model": "b"}, ["both a voice"]),
        ({"engine": "plain", "speed": 9.0, "pitch": 0.0, "language": "??"}, ["speed 9", "pitch 0", "'??'"]),
        ({"engine": "plian", "speed": 9.0}, ["plian", "speed 9"]),
        ({"voice": "a\0b", "engine": "plian"}, ["plian"]),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest(settings, saved, asked: dict, words: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(settings, **asked)
    for word in words:
        assert word in str(caught.value)


def test_a_voice_that_lost_a_file(settings, saved) -> None:
    (saved.root / "ada" / "references" / "02.wav").unlink()
    with pytest.raises(UsageError, match=r"ada has lost references/02.wav"):
        resolve(settings, voice="ada")


class Engine:
    """Answers ``load`` with a fixed list of voices."""

    def __init__(self, *voices: str) -> None:
        self.voices = voices

    def load(self, engine: str, model: str | None = None) -> LoadResult:
        return LoadResult(voices=self.voices)


def test_verify_asks_the_engine(settings) -> None:
    voice = resolve(settings, engine="plain", voice="ento")
    assert voice.verify(Engine("ento", "dos")) == []
    assert voice.verify(Engine()) == [], "an engine that lists nothing is believed"
    (fault,) = voice.verify(Engine("entro", "dos"))
    assert "no voice 'ento'" in fault.message
    assert "entro" in (fault.hint or "")
    (fault,) = voice.verify(Engine("ento"), "fr-CA")
    assert "does not speak 'fr-CA'" in fault.message
    assert voice.verify(Engine("ento"), "en_GB") == []


@pytest.mark.parametrize(
    ("asked", "offered", "hint"),
    [
        ("nor", ("nob", "da", "+nora"), "did you mean nora, nob? All"),
        ("en-us+f99", ("en-us", "en-us-nyc", "+f1", "+f9", "+max"), "did you mean en-us+f9, en-us+f1? All"),
        ("+f99", ("en-us", "+f9"), "did you mean +f9? All"),
        ("qqqq", ("en-us", "+f9"), "see: demod-voice voices list --engine plain"),
    ],
)
def test_a_preset_that_is_not_there_names_saved_voices_first_and_variants_only_where_one_is_asked_for(
    settings, saved, asked: str, offered: tuple[str, ...], hint: str
) -> None:
    (fault,) = resolve(settings, engine="plain", voice=asked).verify(Engine(*offered))
    assert (fault.hint or "").startswith(hint)


def test_an_unknown_language_is_answered_with_a_few_and_the_place_of_the_rest(settings) -> None:
    voice = resolve(settings, engine="plain", voice="x")
    assert voice.verify(Engine("x"), "enn")[0].hint == "did you mean en? it speaks en"
    assert voice.verify(Engine("x"), "zz")[0].hint == "it speaks en"
    many = replace(voice, engine=replace(voice.engine, languages=tuple(f"a{n}" for n in range(30))))
    assert many.verify(Engine("x"), "zz")[0].hint == "see: demod-voice engines info plain"


def test_variants_of_presets() -> None:
    assert has_preset("en-us+f3", ["en-us", "de", "+f3"])
    assert has_preset("en-us+f3", ["en-us+f3"])
    assert has_preset("en-us+f3", ["en-us", "de"])
    assert not has_preset("en-us+f9", ["en-us", "+f3"])
    assert not has_preset("xx+f3", ["en-us", "+f3"])
    assert not has_preset("f3", ["en-us", "+f3"])


def test_a_model_outside_the_allowed_roots_is_refused_and_the_voices_folder_is_not(
    settings, store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = replace(settings, paths=replace(settings.paths, allowed_roots=(str(tmp_path / "in"),)))
    store.add(NewVoice("ada", "plain", preset="low"))
    for path in (store.root / "amy.onnx", tmp_path / "out.onnx", tmp_path / "in" / "own.onnx"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "in" / "link.onnx").symlink_to(tmp_path / "out.onnx")
    monkeypatch.chdir(tmp_path)
    for asked in (tmp_path / "out.onnx", tmp_path / "in" / "link.onnx", "out.onnx", "./gone.onnx"):
        for word in ("voice", "model"):
            with pytest.raises(UsageError, match="outside the allowed"):
                resolve(roots, engine="plain", **{word: str(asked)})
    assert resolve(roots, model="ada").name == "ada"
    for asked in ("amy", "amy.onnx", str(store.root / "amy.onnx"), str(tmp_path / "in" / "own.onnx")):
        assert resolve(roots, engine="plain", model=asked).voice.model
