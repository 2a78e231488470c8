"""The pocketsphinx engine and its parts: pronunciations, written words, dither, pieces, and what it hears."""

from __future__ import annotations

import array
import math
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from demod_worker.messages import AlignRequest, TranscribeRequest
from support.signals import noise, wav

from demod_voice.audio.resample import resample
from demod_voice.config.settings import Settings
from demod_voice.engines.pool import Pool
from demod_voice.engines.types import SpeechRequest
from demod_voice.errors import EngineRefused

pytestmark = pytest.mark.slow

RATE = 16000
TEXT = "The old captain opened a bottle of water near the river."
ARPA = """\\data\\
ngram 1=5

\\1-grams:
-0.7 </s>
-99 <s> 0
-0.7 captain 0
-0.7 old 0
-0.7 zorble 0

\\end\\
"""
"""Unigrams of three words, one of them in no dictionary."""


@pytest.fixture(scope="session")
def part() -> Callable[[str], ModuleType]:
    """A file of the engine's folder as a module."""
    import importlib
    import sys

    from demod_voice.engines.locate import backends_folder

    def found(name: str) -> ModuleType:
        folder = str(backends_folder() / "pocketsphinx")
        sys.path.insert(0, folder)
        try:
            return importlib.import_module(name)
        finally:
            sys.path.remove(folder)

    return found


@pytest.fixture(scope="module")
def sphinx(engine_python: Callable[[str], Path], with_python: Callable[[str, Path], Settings]) -> Iterator[Pool]:
    with Pool(with_python("pocketsphinx", engine_python("pocketsphinx"))) as pool:
        yield pool


@pytest.fixture(scope="module")
def said(espeak: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = resample(espeak.speak("espeak", SpeechRequest(TEXT, "en-us")).clip, RATE)
    return wav(tmp_path_factory.mktemp("said") / "said.wav", clip.samples, RATE, "pcm_s16le")


@pytest.mark.parametrize(
    ("ipa", "phones"),
    [
        ("həlˈoʊ", "HH AH L OW"),
        ("tʃˈɜːtʃ", "CH ER CH"),
        ("dʒˈʌdʒ", "JH AH JH"),
        ("wˈɔːɾɚ", "W AO T ER"),
        ("θɹˈuː", "TH R UW"),
        ("", ""),
        ("ˈˌ", ""),
    ],
)
def test_ipa_becomes_the_dictionarys_phones(part: Callable[[str], ModuleType], ipa: str, phones: str) -> None:
    assert part("arpabet").arpabet(ipa) == phones


def test_every_phone_is_one_of_the_dictionarys(part: Callable[[str], ModuleType]) -> None:
    known = set(
        "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
    )
    used = {phone for phones in part("arpabet").PHONES.values() for phone in phones.split()}
    assert used == known


@pytest.mark.parametrize(
    ("text", "entries", "unknown"),
    [
        ("Captain,", ("captain",), ()),
        ("“Don’t”", ("don't",), ()),
        ("well-known", ("well", "known"), ()),
        ("zorble", (), ("zorble",)),
        ("well-zorble's", (), ("zorble's",)),
        ("café", ("cafe",), ()),
        ("—", (), ()),
        ("1984", (), ("1984",)),
        ("dogs'", ("dogs",), ()),
    ],
)
def test_written_words_in_the_dictionarys_spelling(
    part: Callable[[str], ModuleType], text: str, entries: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    dictionary = {"captain", "don't", "well", "known", "cafe", "dogs"}
    found = part("dictionary_words").token(text, dictionary.__contains__)
    assert (found.entries, found.unknown) == (entries, unknown)


def test_pronunciations_that_cannot_be_said_are_left_out(part: Callable[[str], ModuleType]) -> None:
    assert part("dictionary_words").phones({"Zorble": "zˈɔːɹbəl", "x": "", "y": 7}) == {"zorble": "Z AO R B AH L"}


def test_dither_depends_on_place_and_level_alone(part: Callable[[str], ModuleType]) -> None:
    sound = part("sound")
    loud = array.array("h", [int(8000 * math.sin(n / 5)) for n in range(70_000)])
    soft = array.array("h", [sample // 100 for sample in loud])
    assert sound.dithered(loud) == sound.dithered(loud)
    assert sound.dithered(loud)[:1000] == sound.dithered(loud[:70_000])[:1000]
    more = np.array(sound.dithered(loud), np.float64) - np.array(loud)
    assert 20 * math.log10(np.std(more) / 32768) == pytest.approx(-45.0, abs=0.3)
    level = 20 * math.log10(np.std(np.array(soft, np.float64)) / 32768)
    less = np.array(sound.dithered(soft), np.float64) - np.array(soft)
    assert 20 * math.log10(np.std(less) / 32768) == pytest.approx(level - 20, abs=0.3)
    silent = sound.dithered(array.array("h", bytes(2 * RATE)))
    assert 20 * math.log10(np.std(np.array(silent, np.float64)) / 32768) == pytest.approx(-45.0, abs=0.3)
    full = sound.dithered(array.array("h", [32767, -32768] * 500))
    assert max(full) == 32767
    assert min(full) == -32768
    assert len(sound.dithered(array.array("h"))) == 0


def test_a_long_clip_is_cut_in_its_pauses(part: Callable[[str], ModuleType]) -> None:
    source = random.Random(1)
    samples = array.array("h", [source.randrange(-3000, 3000) for _ in range(50 * RATE)])
    for pause_s in (12.0, 26.5, 41.0):
        begin = int(pause_s * RATE)
        samples[begin : begin + 4800] = array.array("h", bytes(2 * 4800))
    pieces = part("sound").pieces(samples)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == len(samples)
    assert all(a[1] == b[0] for a, b in pairwise(pieces))
    assert all(end - begin <= 20 * RATE for begin, end in pieces)
    assert [round(begin / RATE, 1) for begin, _ in pieces[1:]] == pytest.approx([12.1, 26.6, 41.1], abs=0.15)
    assert part("sound").pieces(samples[:RATE]) == [(0, RATE)]


def test_a_text_is_aligned_word_by_word(sphinx: Pool, said: Path) -> None:
    found = sphinx.align("pocketsphinx", AlignRequest(str(said), TEXT, "en-US"))
    assert [each.text for each in found.words] == TEXT.split()
    assert all(each.aligned for each in found.words)
    assert all(a.end_s <= b.start_s + 0.011 for a, b in zip(found.words, found.words[1:], strict=False))
    assert (found.model, found.degraded, found.unknown) == ("cmusphinx-en-us", (), ())


def test_a_word_that_is_in_no_dictionary_lies_between_its_neighbours(sphinx: Pool, said: Path) -> None:
    text = TEXT.replace("captain", "zorbleflimp")
    found = sphinx.align("pocketsphinx", AlignRequest(str(said), text))
    (word,) = [each for each in found.words if not each.aligned]
    assert word.text == "zorbleflimp"
    assert found.unknown == ("zorbleflimp",)
    assert found.degraded == ("words that are not in the dictionary: zorbleflimp",)
    heard = sphinx.align("pocketsphinx", AlignRequest(str(said), text, "en", {"zorbleflimp": "kˈæptɪn"}))
    assert all(each.aligned for each in heard.words)
    known = sphinx.align("pocketsphinx", AlignRequest(str(said), TEXT)).words
    assert [each.start_s for each in heard.words] == pytest.approx([each.start_s for each in known], abs=0.03)
    again = sphinx.align("pocketsphinx", AlignRequest(str(said), text))
    assert again == found, "a word that one request brought along is known to the next"


def test_a_text_that_does_not_fit_is_told(sphinx: Pool, said: Path, tmp_path: Path) -> None:
    found = sphinx.align("pocketsphinx", AlignRequest(str(said), " ".join([TEXT] * 12)))
    assert len(found.words) == 12 * len(TEXT.split())
    assert not any(each.aligned for each in found.words)
    assert "does not fit" in found.degraded[0]
    empty = wav(tmp_path / "empty.wav", np.zeros((1, 0), np.float32), RATE, "pcm_s16le")
    assert sphinx.align("pocketsphinx", AlignRequest(str(empty), "Hello.")).words[0].aligned is False
    assert sphinx.align("pocketsphinx", AlignRequest(str(said), " ")).words == ()


def test_a_language_model_says_what_may_be_heard(sphinx: Pool, said: Path, tmp_path: Path) -> None:
    model = tmp_path / "a.arpa"
    model.write_text(ARPA)
    found = sphinx.transcribe("pocketsphinx", TranscribeRequest(str(said), "en", str(model)))
    assert set(found.text.split()) <= {"captain", "old"}
    assert found.unknown == ("zorble",)
    assert all(0 <= (each.confidence or 0) <= 1 for each in found.words)
    known = TranscribeRequest(str(said), "en", str(model), {"zorble": "zˈɔːɹbəl"})
    assert sphinx.transcribe("pocketsphinx", known).unknown == ()
    model.write_text("no model")
    with pytest.raises(EngineRefused, match=r"a\.arpa"):
        sphinx.transcribe("pocketsphinx", TranscribeRequest(str(said), "en", str(model)))
    with pytest.raises(EngineRefused, match="cannot be read"):
        sphinx.transcribe("pocketsphinx", TranscribeRequest(str(said), "en", str(tmp_path / "none")))


def test_what_it_does_not_do_is_refused(sphinx: Pool, said: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match="English only"):
        sphinx.transcribe("pocketsphinx", TranscribeRequest(str(said), "de"))
    with pytest.raises(EngineRefused, match="more than 120 s"):
        long = wav(tmp_path / "long.wav", noise(1, 121.0, -60.0, RATE), RATE, "pcm_s16le")
        sphinx.align("pocketsphinx", AlignRequest(str(long), "Hello."))
    with pytest.raises(EngineRefused, match=r"other\.wav"):
        other = wav(tmp_path / "other.wav", noise(1, 1.0, -60.0, 24000), 24000)
        sphinx.align("pocketsphinx", AlignRequest(str(other), "Hello."))
