"""The pure parts of the XTTS engine: what it accepts, how it reads, and what a model folder must hold."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from types import SimpleNamespace

import pytest
from demod_worker.messages import SpeakItem
from demod_worker.worker import BadRequest, ModelMissing

from demod_voice.config.settings import DEFAULTS
from demod_voice.engines.locate import engine

CONFIG = SimpleNamespace(
    temperature=0.75,
    top_k=50,
    top_p=0.85,
    repetition_penalty=5.0,
    length_penalty=1.0,
    gpt_cond_len=30,
    gpt_cond_chunk_len=4,
    max_ref_len=30,
    sound_norm_refs=False,
)
"""The fields of a model's own settings that an item may change."""


@pytest.fixture
def xtts_part(engine_part):
    return partial(engine_part, "xtts")


@pytest.fixture
def wishes(xtts_part):
    module = xtts_part("xtts_wishes")
    return lambda **fields: module.wishes_of(SpeakItem(0, "Hello.", **fields), CONFIG)


def test_what_an_item_leaves_out_is_the_models_own(wishes):
    found = wishes(language="en")
    assert (found.sampling.temperature, found.sampling.top_k, found.sampling.num_beams) == (0.75, 50, 1)
    assert (found.taking.gpt_cond_len, found.taking.max_ref_len) == (30, 30)
    assert found.degraded == ()


def test_what_an_item_asks_wins(wishes):
    style = {"temperature": 0.3, "top_k": 5, "top_p": 1, "repetition_penalty": 2, "gpt_cond_len": 12}
    found = wishes(style=style, speed=1.2)
    assert (found.sampling.temperature, found.sampling.top_k, found.sampling.top_p) == (0.3, 5, 1.0)
    assert (found.sampling.repetition_penalty, found.taking.gpt_cond_len, found.speed) == (2.0, 12, 1.2)


def test_what_is_asked_reaches_the_library(wishes, xtts_part):
    found = wishes(style={"repetition_penalty": 2, "top_k": 7})
    assert xtts_part("xtts_sound")._drawing(found) == {
        "do_sample": True,
        "temperature": 0.75,
        "top_k": 7,
        "top_p": 0.85,
        "repetition_penalty": 2.0,
    }


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"style": {"temperature": 0}}, "temperature"),
        ({"style": {"temperature": "hot"}}, "temperature"),
        ({"style": {"temperature": True}}, "temperature"),
        ({"style": {"top_k": 2.5}}, "whole number"),
        ({"style": {"top_p": 1.5}}, "top_p"),
        ({"style": {"repetition_penalty": 0.5}}, "repetition_penalty"),
        ({"style": {"sound_norm_refs": 1}}, "true or false"),
        ({"style": {"gpt_cond_len": 3}}, "longer than gpt_cond_len"),
        ({"speed": 0.0}, "speed"),
        ({"speed": float("nan")}, "speed"),
        ({"language": "sv"}, "'sv'"),
    ],
)
def test_a_value_that_cannot_be_is_refused(wishes, fields, word):
    with pytest.raises(BadRequest, match=word):
        wishes(**fields)


@pytest.mark.parametrize(("asked", "kept"), [(6.25, 4.0), (0.125, 0.25)])
def test_a_speed_beyond_its_bounds_is_brought_back_and_told(wishes, asked, kept):
    found = wishes(speed=asked)
    assert found.speed == kept
    assert found.degraded == (f"speed: {kept:g} in place of {asked:g}",)
    assert wishes(speed=kept).degraded == ()


def test_an_unsupported_language_names_those_that_are(wishes):
    with pytest.raises(BadRequest) as caught:
        wishes(language="sv-SE")
    assert "ar, cs, de, en" in caught.value.hint
    assert "zh" in caught.value.hint


@pytest.mark.parametrize(
    ("tag", "language"), [("", "en"), ("pt-BR", "pt"), ("zh_CN", "zh"), ("cmn", "zh"), ("EN-gb", "en")]
)
def test_a_tag_is_one_of_the_models_languages(wishes, tag, language):
    assert wishes(language=tag).language == language


def test_what_is_not_honoured_is_said(wishes):
    found = wishes(pitch=1.5, volume_db=3.0, style={"emotion": "sad", "length_penalty": 2.0})
    assert [each.split(":")[0] for each in found.degraded] == [
        "pitch",
        "volume_db",
        "style.emotion",
        "style.length_penalty",
    ]
    assert wishes(style={"length_penalty": 2.0, "num_beams": 3}).degraded == ()


@pytest.mark.parametrize(
    ("text", "read"),
    [("५ और 12.5", "पाँच और एक दो दशमलव पाँच"), ("कुल 1,050.", "कुल एक शून्य पाँच शून्य."), ("नमस्ते", "नमस्ते")],
)
def test_hindi_numbers_are_read_digit_by_digit(xtts_part, text, read):
    assert xtts_part("xtts_text").readable(text, "hi") == read
    assert xtts_part("xtts_text").readable(text, "en") == text


@pytest.mark.parametrize(
    ("kana", "letters"),
    [
        ("トウキョウ", "toukyou"),
        ("イッタ", "itta"),
        ("マッチャ", "matcha"),
        ("パーティー", "paatii"),
        ("シェフ", "shefu"),
        ("ヴァイオリン", "vaiorin"),
        ("デュエット", "dyuetto"),
        ("ウィンドウ", "windou"),
        ("ジャズ", "jazu"),
        ("ワヲン", "wawon"),
        ("ABC", "ABC"),
    ],
)
def test_katakana_in_latin_letters(xtts_part, kana, letters):
    assert xtts_part("xtts_japanese").hepburn(kana) == letters


def test_japanese_words_stand_between_spaces_and_particles_are_written_as_said(xtts_part):
    japanese = xtts_part("xtts_japanese")
    told = (
        "私 ワタクシ 代名詞/は ハ 助詞/東京 トウキョウ 名詞/へ ヘ 助詞/行っ イッ 動詞/て テ 助詞/、 、 補助記号",
        "本 ホン 名詞/を ヲ 助詞/読み ヨミ 動詞/まし マシ 助動詞/た タ 助動詞/。 。 補助記号",
        "「 「 補助記号/お オ 接頭辞/母 ハハ 名詞/さん サン 接尾辞/? ? 補助記号",
    )
    morphemes = [japanese.Morpheme(*each.split(" ")) for row in told for each in row.split("/")]
    assert japanese.written(morphemes) == "watashi wa toukyou e itte, hon wo yomimashita. okaasan?"


def test_a_text_is_halved_at_the_space_nearest_to_its_middle(xtts_part):
    halves = xtts_part("xtts_text").halves
    assert halves("one two three four") == ("one two", " three four")
    assert halves("abcdef") == ("abc", "def")
    with pytest.raises(BadRequest):
        halves("a")


def test_every_language_has_a_limit_of_its_own(xtts_part):
    info = engine("xtts", DEFAULTS)
    languages = xtts_part("xtts_wishes").LANGUAGES
    assert info.languages == languages == tuple(sorted(info.language_chars))
    assert info.max_chars == min(info.language_chars.values())


def test_a_folder_is_told_apart_before_anything_is_loaded(xtts_part, tmp_path):
    check = xtts_part("xtts_model").check_folder
    with pytest.raises(ModelMissing, match="does not exist"):
        check(tmp_path / "none")
    with pytest.raises(ModelMissing, match=r"config\.json"):
        check(tmp_path)
    config = tmp_path / "config.json"
    config.write_text("{")
    with pytest.raises(BadRequest, match="cannot be read"):
        check(tmp_path)
    config.write_text(json.dumps({"model_type": "csm"}))
    with pytest.raises(BadRequest, match="'csm'"):
        check(tmp_path)
    config.write_text(json.dumps({"model": "xtts"}))
    (tmp_path / "model.pth").write_bytes(b"x")
    with pytest.raises(ModelMissing, match=r"lacks vocab\.json"):
        check(tmp_path)


def test_a_revision_is_the_content_and_not_the_place(xtts_part, tmp_path):
    revision = xtts_part("xtts_model").revision
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for file in ("config.json", "model.pth", "vocab.json"):
            (tmp_path / name / file).write_bytes(file.encode())
    assert revision(tmp_path / "a") == revision(tmp_path / "b")
    files = [
        {"path": path.name, "size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns, "sha256": digest(path)}
        for path in (tmp_path / "b").iterdir()
    ]
    (tmp_path / "b" / "model.json").write_text(json.dumps({"files": files}))
    assert revision(tmp_path / "a") == revision(tmp_path / "b"), "what is recorded is what would be read"
    (tmp_path / "b" / "model.pth").write_bytes(b"other")
    assert revision(tmp_path / "a") != revision(tmp_path / "b"), "a file that changed is read"


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
