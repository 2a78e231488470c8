"""The parts of the csm engine that need no library: files of models and adapters, and an item as a conversation."""

from __future__ import annotations

import json
import struct
import wave
from pathlib import Path
from types import ModuleType

import pytest
from demod_worker.failures import BadRequest, EngineFault, ModelMissing
from demod_worker.messages import ContextTurn, SpeakItem, Voice
from hypothesis import given
from hypothesis import strategies as st
from support.signals import sine, wav

from demod_voice.config import load_settings
from demod_voice.engines.locate import engine

WIDTH = 8
LAYER = "backbone_model.layers.0.self_attn.q_proj"


@pytest.fixture(scope="module")
def files(engine_part) -> ModuleType:
    return engine_part("csm", "csm_files")


@pytest.fixture(scope="module")
def talk(engine_part) -> ModuleType:
    return engine_part("csm", "conversation")


def safetensors(path: Path, shapes: dict[str, list[int]], cut: int = 0) -> None:
    """A file of that format with zeros; ``cut`` bytes are left out at its end."""
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    data = struct.pack("<Q", len(text)) + text + bytes(at)
    path.write_bytes(data[: len(data) - cut])


def model(folder: Path, **config: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "csm", **config}))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text("{}")
    safetensors(folder / "model.safetensors", {f"{LAYER}.weight": [WIDTH, WIDTH], "lm_head.weight": [3, WIDTH]})
    return folder


def adapter(folder: Path, width: int = WIDTH, layer: str = LAYER, **config: object) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
    name = f"base_model.model.{layer}"
    safetensors(
        folder / "adapter_model.safetensors",
        {f"{name}.lora_A.weight": [2, width], f"{name}.lora_B.weight": [width, 2]},
    )
    return folder


def clip(path: Path) -> str:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(24000)
        file.writeframes(bytes(4800))
    return str(path)


def test_a_model_is_read_from_its_headers(files, tmp_path):
    found = files.read_checkpoint(str(model(tmp_path / "tiny")))
    assert (found.name, len(found.revision)) == ("tiny", 16)
    assert found.shapes[f"{LAYER}.weight"] == (WIDTH, WIDTH)


def test_its_revision_is_its_content_and_not_its_place(files, tmp_path):
    one, two = model(tmp_path / "one"), model(tmp_path / "two")
    assert files.read_checkpoint(str(one)).revision == files.read_checkpoint(str(two)).revision
    (two / "tokenizer.json").write_text("{ }")
    assert files.read_checkpoint(str(one)).revision != files.read_checkpoint(str(two)).revision


def test_a_hub_snapshot_has_the_hubs_name_and_hashes(files, tmp_path):
    hub = tmp_path / "models--sesame--csm-1b"
    (hub / "blobs").mkdir(parents=True)
    (hub / "snapshots").mkdir()
    folder = model(hub / "snapshots" / "abc")
    blob = hub / "blobs" / ("1" * 64)
    (folder / "model.safetensors").rename(blob)
    (folder / "model.safetensors").symlink_to(blob)
    found = files.read_checkpoint(str(folder))
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    assert found.name == "csm-1b"
    assert files.read_checkpoint(str(folder)).revision == found.revision, "the blob's name is its hash"


def test_the_hubs_own_index_comes_before_a_file_of_another_library(files, tmp_path):
    folder = model(tmp_path / "tiny")
    safetensors(folder / "transformers-1.safetensors", {"more": [1]})
    (folder / "transformers.safetensors.index.json").write_text(
        '{"weight_map": {"more": "transformers-1.safetensors"}}'
    )
    found = files.read_checkpoint(str(folder))
    assert (found.weights, set(found.shapes)) == ("transformers.safetensors.index.json", {"more"})


def test_weights_may_lie_in_several_files(files, tmp_path):
    folder = model(tmp_path / "tiny", transformers_weights="own.safetensors.index.json")
    (folder / "model.safetensors").rename(folder / "part-1.safetensors")
    safetensors(folder / "part-2.safetensors", {"more": [1]})
    index = {"weight_map": {f"{LAYER}.weight": "part-1.safetensors", "more": "part-2.safetensors"}}
    (folder / "own.safetensors.index.json").write_text(json.dumps(index))
    assert set(files.read_checkpoint(str(folder)).shapes) == {f"{LAYER}.weight", "lm_head.weight", "more"}
    (folder / "part-2.safetensors").unlink()
    with pytest.raises(ModelMissing, match="lacks part-2"):
        files.read_checkpoint(str(folder))


@pytest.mark.parametrize("gone", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_that_is_missing_is_named_with_the_remedy(files, gone, tmp_path):
    folder = model(tmp_path / "tiny")
    (folder / gone).unlink()
    with pytest.raises(ModelMissing) as error:
        files.read_checkpoint(str(folder))
    assert gone in error.value.message
    assert "models pull csm-1b" in error.value.hint


def test_a_folder_that_is_not_there(files, tmp_path):
    with pytest.raises(ModelMissing, match="does not exist"):
        files.read_checkpoint(str(tmp_path / "none"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelMissing, match="is a file"):
        files.read_checkpoint(str(tmp_path / "file"))


def test_a_model_of_another_kind_is_refused(files, tmp_path):
    with pytest.raises(BadRequest, match="of type 'llama', not 'csm'"):
        files.read_checkpoint(str(model(tmp_path / "other", model_type="llama")))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "ckpt.pt"])
def test_a_folder_with_pickles_only_is_refused(files, name, tmp_path):
    folder = model(tmp_path / "old")
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(b"\x80\x04.")
    with pytest.raises(BadRequest, match=f"{name} is a pickle"):
        files.read_checkpoint(str(folder))


@pytest.mark.parametrize("cut", [1, 250])
def test_truncated_weights_are_seen_before_they_are_loaded(files, cut, tmp_path):
    folder = model(tmp_path / "tiny")
    safetensors(folder / "model.safetensors", {"w": [4, 20]}, cut)
    with pytest.raises(EngineFault, match="is truncated"):
        files.read_checkpoint(str(folder))


@given(data=st.binary(max_size=60))
def test_no_bytes_are_taken_for_weights(files, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("w") / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(EngineFault, match=r"safetensors|truncated"):
        files.read_shapes(path)


def test_an_adapter_that_fits(files, tmp_path):
    base = files.read_checkpoint(str(model(tmp_path / "base")))
    found = files.read_adapter(str(adapter(tmp_path / "a")), base)
    assert found.revision != files.read_adapter(str(adapter(tmp_path / "b", r=2)), base).revision


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"width": 12}, r"is of another base: .*q_proj is \(2, 12\)"),
        ({"layer": "backbone_model.layers.9.mlp.up_proj"}, "does not have that layer"),
        ({"revision": "sha256-00"}, "was trained on another base"),
        ({"peft_type": "IA3"}, "only LoRA"),
    ],
)
def test_an_adapter_of_another_base_is_refused(files, made, said, tmp_path):
    base = files.read_checkpoint(str(model(tmp_path / "base")))
    with pytest.raises(BadRequest) as error:
        files.read_adapter(str(adapter(tmp_path / "a", **made)), base)
    assert __import__("re").search(said, f"{error.value.message} {error.value.hint}")


def test_an_adapter_that_knows_its_base(files, tmp_path):
    base = files.read_checkpoint(str(model(tmp_path / "base")))
    own = adapter(tmp_path / "a", revision=f"sha256-{base.revision}")
    assert files.read_adapter(str(own), base).folder == own


def test_an_adapter_that_is_a_pickle_or_nothing(files, tmp_path):
    base = files.read_checkpoint(str(model(tmp_path / "base")))
    folder = adapter(tmp_path / "a")
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    with pytest.raises(BadRequest, match="is a pickle"):
        files.read_adapter(str(folder), base)
    with pytest.raises(ModelMissing, match=r"has no adapter_config\.json"):
        files.read_adapter(str(base.folder), base)


def test_anchors_and_turns_have_numbers(talk, tmp_path):
    path = clip(tmp_path / "a.wav")
    turns = tuple(ContextTurn(f"turn {name}", path, name) for name in ("Ben", "", "Cleo", "Ben"))
    voice = Voice(references=(path,), reference_texts=("Hello.",))
    asked = talk.read_item(SpeakItem(0, "Hi.", voice=voice, context=turns))
    assert [(each.role, each.text) for each in asked.anchors] == [("0", "Hello.")]
    assert [each.role for each in asked.turns] == ["1", "0", "2", "1"]
    third = talk.read_item(SpeakItem(0, "Hi.", voice=Voice(speaker="1"), context=turns))
    assert (third.role, [each.role for each in third.turns]) == ("1", ["0", "1", "2", "0"])


@pytest.mark.parametrize(
    ("voice", "said"),
    [
        (Voice(preset="amy"), "no voices of its own"),
        (Voice(speaker="ben"), "are numbers"),
        (Voice(references=("a.wav",)), "the words of each reference"),
        (Voice(references=("a.wav",), reference_texts=(" ",)), "the words of each reference"),
        (Voice(references=("/no/a.wav",), reference_texts=("Hi.",)), r"/no/a\.wav does not exist"),
    ],
)
def test_a_voice_that_cannot_be_is_refused(talk, voice, said):
    with pytest.raises(BadRequest, match=said):
        talk.read_item(SpeakItem(0, "Hi.", voice=voice))


def test_style(talk):
    assert talk.read_style({}) == talk.Sampling(0.7, 0.7, 50, None)
    own = talk.read_style({"temperature": 0.5, "top_k": 8, "max_length": 12, "delivery": "x"})
    assert own == talk.Sampling(0.5, 0.5, 8, 12.0)
    assert talk.read_style({"temperature": 0, "depth_decoder_temperature": 1}) == talk.Sampling(0.0, 1.0, 50, None)
    for wrong in ({"temperature": 3}, {"top_k": 2.5}, {"temperature": True}, {"max_length": "long"}):
        with pytest.raises(BadRequest, match="must be a number"):
            talk.read_style(wrong)


def test_how_long_a_take_may_be(talk):
    def longest(**more: object) -> float:
        return talk.read_item(SpeakItem(0, "x" * 40, **more)).longest_s

    assert longest() == 14.0
    assert longest(max_s=5.0) == 5.0
    assert longest(max_s=5.0, style={"max_length": 3.0}) == 3.0
    assert [talk.most_frames(each, 12.5) for each in (0.0, 0.08, 2.0)] == [1, 1, 25]


def test_what_a_take_lacks(talk, tmp_path):
    path = clip(tmp_path / "a.wav")
    anchored = Voice(references=(path,), reference_texts=("Hello.",))
    assert talk.degraded(talk.read_item(SpeakItem(0, "Hi.", language="en-GB", voice=anchored)), 0, False) == ()
    item = SpeakItem(0, "Hi.", language="de", speed=1.1, pitch=0.9, volume_db=3, style={"warmth": 1})
    told = talk.degraded(talk.read_item(item), 2, True)
    assert [each.split(":")[0] for each in told] == [
        "language", "speed", "pitch", "volume", "style.warmth", "voice", "context", "max_s",
    ]  # fmt: skip


def test_marks_of_the_tokenizer_are_not_in_a_text(talk):
    asked = talk.read_item(SpeakItem(0, "Say <|AUDIO|> and \ud800."))
    assert asked.pieces == ("Say < |AUDIO|> and ?.",)


@given(text=st.text(alphabet="ab .!?\n", max_size=300), most=st.integers(5, 60))
def test_pieces_keep_every_word_within_the_limit(talk, text, most):
    pieces = talk.pieces_of(text, most)
    assert all(len(each) <= most for each in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_pieces_have_seeds_of_their_own(talk):
    asked = talk.read_item(SpeakItem(0, "One sentence. " * 60, seed=7))
    assert len(asked.pieces) == 3
    assert asked.pieces[0].endswith("sentence.")
    seeds = [asked.seed(number) for number in range(3)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 3
    assert all(0 <= each < 2**31 for each in seeds)


def test_what_the_engine_says_of_itself():
    info = engine("csm", load_settings())
    assert (info.context, info.clones, info.determinism, info.default_model) == (True, True, "same-batch", "csm-1b")
    assert set(info.options) == {"dtype", "cache", "compile"}


@pytest.mark.parametrize(("encoding", "form"), [("pcm_s16le", (1, 1, 24000, 16)), ("pcm_f32le", (3, 1, 24000, 32))])
def test_clips_of_both_encodings(engine_part, encoding, form, tmp_path):
    samples = sine(440.0, 0.1, -6.0, 24000)
    path = wav(tmp_path / "a.wav", samples, 24000, encoding)
    found, data = engine_part("csm", "clip_file").wav_chunks(path.read_bytes())
    assert tuple(found) == form
    assert len(data) == samples.shape[1] * form[3] // 8


@given(data=st.binary(max_size=80))
def test_no_bytes_are_taken_for_a_clip(engine_part, data):
    read = engine_part("csm", "clip_file").wav_chunks
    for whole in (data, b"RIFF\0\0\0\0WAVE" + data):
        try:
            form, _ = read(whole)
        except ValueError:
            continue
        assert len(form) == 4


@pytest.mark.parametrize(
    ("max_s", "asked_s", "said"),
    [(9.0, 2.0, "max_length: the text was cut at 2 s"), (2.0, 9.0, "max_s: the text was cut short")],
)
def test_a_cut_says_who_asked_for_it(talk, max_s, asked_s, said):
    voice = Voice(adapter="/a")
    item = SpeakItem(0, "Hello.", "en", voice, style={"max_length": asked_s}, max_s=max_s)
    (told,) = talk.degraded(talk.read_item(item), 0, True)
    assert told.startswith(said)
