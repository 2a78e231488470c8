"""IPA for espeak: the table that its own data give, blocks in a text, and the phonemes that it tells."""

from __future__ import annotations

import numpy as np
import pytest
from demod_worker.messages import PhonemizeRequest, Voice
from support.sound import fingerprint, pitches_hz

from demod_voice.engines.pool import Pool
from demod_voice.engines.types import Speech, SpeechRequest
from demod_voice.errors import EngineRefused

KNOWN = {"h": "h", "ə": "@", "l": "l", "oʊ": "oU", "dʒ": "dZ", "ɪ": "I", "f": "f", "ɡ": "g", "ɑː": "A:", "ɹ": "r"}


def say(pool: Pool, text: str, language: str = "en", preset: str | None = None, **wishes) -> Speech:
    return pool.speak("espeak", SpeechRequest(text, language, Voice(preset=preset), **wishes))


def ipa(pool: Pool, text: str, language: str, preset: str | None = None) -> tuple[str, ...]:
    return pool.phonemize("espeak", PhonemizeRequest(text, language, Voice(preset=preset))).phonemes


class TestSpelled:
    @pytest.mark.parametrize(
        ("text", "spelled"),
        [
            ("Say [[həlˈoʊ]].", "Say [[h|@|l|'oU]]."),
            ("[[d͡ʒɪf]]", "[[dZ|I|f]]"),
            ("[[ həl.oʊ dʒɪf ]]", "[[h|@|l|oU]] [[dZ|I|f]]"),
            ("[[gɑ]]", "[[g|A:]]"),
            ("[[lɪː]]", "[[l|I|:]]"),
            ("[[rɪf]]", "[[r|I|f]]"),
            ("no blocks [x] here", "no blocks [x] here"),
        ],
    )
    def test_ipa_as_the_librarys_names(self, espeak_part, text: str, spelled: str) -> None:
        assert espeak_part("alphabet").spelled(text, KNOWN) == (spelled, ())

    def test_what_has_no_sound_is_told_once(self, espeak_part) -> None:
        assert espeak_part("alphabet").spelled("[[ʘəʘ]] [[7]]", KNOWN) == ("[[@]] [[]]", ("ʘ", "7"))


@pytest.mark.parametrize(
    ("language", "preset", "words"),
    [
        ("en", "en-us", "ring thirteen cello nuclear about"),
        ("en", "en-gb", "hot water near"),
        ("de", None, "schön ich auch zwölf Mädchen genau"),
        ("fr", None, "bonjour croissant un vin fille"),
    ],
)
def test_a_words_own_ipa_gives_the_same_bytes(espeak: Pool, language: str, preset: str | None, words: str) -> None:
    for word in words.split():
        (said,) = ipa(espeak, word, language, preset)
        spoken = say(espeak, f"[[{said}]]", language, preset)
        assert fingerprint(spoken.clip) == fingerprint(say(espeak, word, language, preset).clip), (word, said)
        assert spoken.degraded == ()


def test_a_block_is_one_word_with_its_time(espeak: Pool) -> None:
    spoken = say(espeak, "I like [[tʃˈɛloʊ]] files.", preset="en-us")
    assert [word.text for word in spoken.words] == ["I", "like", "[[tʃˈɛloʊ]]", "files."]
    assert spoken.words[2].end_s - spoken.words[2].start_s > 0.3
    assert say(espeak, "[[ʘa]]").degraded == ("phonemes: no sound for ʘ",)


def test_phonemes_are_told_clause_by_clause(espeak: Pool) -> None:
    assert ipa(espeak, "Hello world. The end.", "en", "en-us") == ("həlˈoʊ wˈɜːld", "ðɪ ˈɛnd")
    with pytest.raises(EngineRefused, match="language"):
        ipa(espeak, "Hello", "xx")


def test_a_whisper_has_no_pitch(espeak: Pool) -> None:
    for preset in ("en-us", "en-us+f3"):
        assert len(pitches_hz(say(espeak, "We were away a year ago.", preset=preset).clip)) > 20
        whispered = say(espeak, "We were away a year ago.", preset=preset, style={"delivery": "whisper"})
        assert (len(pitches_hz(whispered.clip)), whispered.degraded) == (0, ())
        assert np.abs(whispered.clip.samples).max() > 0.02
    with pytest.raises(EngineRefused, match="whisper"):
        say(espeak, "Hello", style={"delivery": "laugh"})


def test_foreign_words_are_said_by_their_languages_voice_in_the_same_variant(espeak: Pool) -> None:
    text = "Bonjour tout le monde"
    foreign = say(espeak, text, "fr", "en-us+f3", foreign=True)
    assert fingerprint(foreign.clip) == fingerprint(say(espeak, text, "fr", "+f3").clip)
    assert fingerprint(foreign.clip) != fingerprint(say(espeak, text, "fr", "en-us+f3").clip)
