"""A line that is not all said alike: what its engine does, what the core does, what is told; words and keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import Voice, Word
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from support.sound import pitches_hz, rms_db

from demod_voice.audio.clip import Clip, mono
from demod_voice.config.settings import DEFAULTS, Engines, EngineSettings, Settings
from demod_voice.engines.types import EngineInfo
from demod_voice.media.wav import read_wav
from demod_voice.speech.joining import CROSSFADE_S, join
from demod_voice.speech.manner import EMPHASIS, manner_of
from demod_voice.speech.pieces import Unit, as_written, pieces_of
from demod_voice.speech.studio import LineJob, Studio, Take
from demod_voice.text.clean import speakable
from demod_voice.text.spans import Span
from demod_voice.voices.resolve import resolve
from demod_voice.voices.resolved import ResolvedVoice

MIDDLE = "the old fisherman repaired his wooden boat"
SPEECH_RATE = 16_000


def engine(**fields: object) -> EngineInfo:
    facts = {"name": "odd", "summary": "", "folder": Path(), "version": "1", "output_version": 3, "operations": ()}
    return EngineInfo(**{**facts, "honours": ("speed",), **fields})  # type: ignore[arg-type]


def line(*spans: Span, language: str = "en", **fields: object) -> LineJob:
    voice = ResolvedVoice("plain", engine(**fields), Voice(preset="plain"))
    return LineJob("line-1", "".join(span.text for span in spans), voice, language, 42, {}, spans)


def said(job: LineJob) -> list[tuple[str, float | None]]:
    return [(piece.text, piece.gap_s) for piece in pieces_of(job).pieces]


class TestPieces:
    def test_a_line_without_spans_is_what_it_always_was(self) -> None:
        voice = ResolvedVoice("plain", engine(languages=("en",), max_chars=60), Voice(preset="plain"))
        loud = replace(voice, speed=1.5, pitch=1.1, volume_db=-3, style={"a": 1})
        studio = Studio(DEFAULTS)
        keys = [
            studio.key(LineJob("line-1", "It costs $5. " * 8, loud, "en", 42)),
            studio.key(LineJob("line-1", "A plain sentence.", voice, "en", 42), 1),
        ]
        assert keys == [
            "ed0b859f4edff0eca3f224f5b14abcb83eefcca5ee5f739911cba53578c3ea86",
            "870c8bc93e7a189297f27c526cd49c2bf2d3eecb368676822371598fa5d41c82",
        ], "every episode that people have would be spoken again"

    def test_stretches_of_another_manner_are_requests_of_their_own(self) -> None:
        job = line(Span("This is "), Span("very", rate=0.8), Span(", very good. "), Span("Really!", volume_db=3.0))
        assert said(job) == [("This is,", 0.1), ("very,", None), ("very good.", 0.0), ("Really!", 0.1)]
        manners = [piece.manner for piece in pieces_of(job).pieces]
        assert [each.speed for each in manners] == [1.0, 0.8, 1.0, 1.0]
        assert [each.volume_db for each in manners] == [0.0, 0.0, 0.0, 3.0]

    def test_other_words_make_no_other_request(self) -> None:
        job = line(
            Span("The "),
            Span("W3C", alias="World Wide Web Consortium"),
            Span(", founded in "),
            Span("1994", say_as="digits"),
            Span("."),
        )
        assert said(job) == [("The World Wide Web Consortium, founded in one nine nine four.", 0.1)]
        spoken = LineJob("x", "The World Wide Web Consortium, founded in one nine nine four.", job.voice, "en", 42)
        studio = Studio(DEFAULTS)
        assert studio.key(replace(job, id="x")) == studio.key(spoken), "the key holds what is said"

    def test_spans_without_spaces_at_their_edges_stand_as_the_line_has_them(self) -> None:
        spans = (Span("One"), Span("two", rate=2.0), Span("three"))
        job = replace(line(*spans), text="One two, three")
        assert [text for text, _ in said(replace(job, spans=(*spans[:1], Span("two,"), *spans[2:])))] == [
            "One two, three"
        ]
        assert [text for text, _ in said(job)] == ["One,", "two,", "three"]

    def test_what_cannot_be_said_goes_with_its_neighbour(self) -> None:
        assert said(line(Span("Stop", rate=0.8), Span("!"))) == [("Stop!", 0.1)]
        assert said(line(Span("“"), Span("Stop", rate=0.8), Span("”"))) == [("“Stop”", 0.1)]
        assert said(line(Span("..."), Span("!", rate=0.8))) == []

    @pytest.mark.parametrize(
        ("span", "wanting"),
        [
            (Span("x", style="whisper"), "style.whisper"),
            (Span("x", language="fr"), "language.fr"),
            (Span("x", phonemes="ɛks"), "phonemes"),
            (Span("Hello", say_as="cardinal"), "say_as.cardinal"),
            (Span("x", pitch=2.0), "pitch: 1.25 in place of 2"),
        ],
    )
    def test_what_nobody_can_do_is_told(self, span: Span, wanting: str) -> None:
        made = pieces_of(line(span, languages=("en", "de")))
        assert made.wanting == (wanting,)
        assert made.pieces[0].text == span.text

    def test_an_engine_that_can_gets_it(self) -> None:
        info = {"honours": ("speed", "pitch", "phonemes"), "styles": ("whisper",)}
        job = line(Span("Say "), Span("GIF", phonemes="dʒ ɪf"), Span(" now", style="whisper", language="de"), **info)
        pieces = pieces_of(job)
        assert [piece.text for piece in pieces.pieces] == ["Say [[dʒ ɪf]],", "now"]
        assert (pieces.pieces[1].manner.delivery, pieces.pieces[1].manner.language) == ("whisper", "de")
        assert pieces.wanting == ()

    def test_without_phonemes_the_words_for_it_are_said(self) -> None:
        made = pieces_of(line(Span("GIF", phonemes="dʒɪf", alias="jif")))
        assert (made.pieces[0].text, made.wanting) == ("jif", ())

    def test_emphasis_is_a_little_of_everything(self) -> None:
        voice = ResolvedVoice("plain", engine(honours=("speed", "pitch")), Voice(), speed=1.2, volume_db=-3.0)
        manner, wanting = manner_of(Span("x", emphasis="strong", rate=1.5), voice, "en")
        rate, pitch, gain_db = EMPHASIS["strong"]
        assert (manner.speed, manner.pitch) == pytest.approx((1.2 * 1.5 * rate, pitch))
        assert (manner.volume_db, wanting) == (gain_db - 3.0, ())

    def test_the_core_stretches_for_an_engine_without_speed(self) -> None:
        voice = ResolvedVoice("plain", engine(honours=()), Voice())
        manner, wanting = manner_of(Span("x", rate=1.25), voice, "en")
        assert (manner.speed, manner.tempo, wanting) == (1.0, 1.25, ())
        assert manner_of(Span("x", rate=3.0), voice, "en")[1] == ("rate: 2 in place of 3",)

    @limits(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.builds(
                Span,
                st.sampled_from(
                    ["Hello ", " there", ", ", "“", "no", "... ", "", " ", "42%", "你好。", "a b\u0301 c", "!"]
                ),
                rate=st.sampled_from([1.0, 0.5, 9.0]),
                volume_db=st.sampled_from([0.0, 3.0]),
                emphasis=st.sampled_from(["", "strong"]),
                say_as=st.sampled_from(["", "digits", "date"]),
                alias=st.sampled_from(["", "other words", "..."]),
                phonemes=st.sampled_from(["", "həˈloʊ wɜːld"]),
                language=st.sampled_from(["", "fr", "xx"]),
                style=st.sampled_from(["", "laugh"]),
            ),
            min_size=1,
            max_size=6,
        ),
        st.sampled_from([(), ("speed", "pitch", "phonemes")]),
    )
    def test_whatever_is_asked_every_piece_can_be_said(self, spans: list[Span], honours: tuple[str, ...]) -> None:
        made = pieces_of(line(*spans, honours=honours, languages=("en", "fr"), max_chars=30))
        assert all(speakable(piece.text) for piece in made.pieces)
        assert all(unit.spoken and unit.written for unit in made.units)
        tokens = [token for unit in made.units for token in unit.spoken.split()]
        words = [Word(token, at, at + 1.0) for at, token in enumerate(tokens)]
        written = as_written(words, made.units)
        assert [word.text for word in written] == [unit.written for unit in made.units]
        assert all(a.end_s <= b.start_s for a, b in pairwise(written))


class TestWords:
    UNITS = (Unit("The", "The"), Unit("World Wide Web,", "WWW,"), Unit("is,", "is"), Unit("here", "here"))

    def test_written_words_take_the_place_of_spoken_ones(self) -> None:
        words = [Word(text, at, at + 1.0) for at, text in enumerate(["The", "World", "Wide", "Web,", "is,", "here"])]
        found = as_written(words, self.UNITS)
        assert [word.text for word in found] == ["The", "WWW,", "is", "here"]
        assert (found[1].start_s, found[1].end_s, found[3].start_s) == (1, 4.0, 5)

    def test_signs_around_a_word_do_not_matter(self) -> None:
        units = (Unit("Say", "Say"), Unit("[[dʒɪf", "GIF"), Unit("now,", "now"))
        words = [Word("Say", 0.0, 1.0), Word("dʒɪf", 1.0, 2.0), Word("now", 2.0, 3.0)]
        assert [word.text for word in as_written(words, units)] == ["Say", "GIF", "now"]

    def test_a_word_that_was_not_heard_is_left_out(self) -> None:
        words = [Word("The", 0.0, 1.0), Word("Web,", 1.0, 2.0), Word("here", 2.0, 3.0)]
        assert [word.text for word in as_written(words, self.UNITS)] == ["The", "WWW,", "here"]

    def test_words_of_nobody_stay_as_they_are(self) -> None:
        words = (Word("The", 0.0, 1.0), Word("planet", 1.0, 2.0))
        assert as_written(words, self.UNITS) == words


def test_pieces_that_run_on_are_crossfaded_without_a_step() -> None:
    one, two = (mono(np.full(SPEECH_RATE // 2, level), SPEECH_RATE) for level in (0.5, 0.5))
    clip, words = join([(one, (Word("a", 0.0, 0.5),)), (two, (Word("b", 0.0, 0.5),))], [0.1, None])
    assert clip.num_samples == SPEECH_RATE - round(CROSSFADE_S * SPEECH_RATE)
    assert np.allclose(clip.samples, 0.5, atol=1e-6)
    assert words[1].start_s == pytest.approx(0.5 - CROSSFADE_S)
    assert words[0].end_s <= words[1].start_s


def test_an_engine_that_can_do_little_is_helped(tmp_path: Path, settings, job: Callable[..., LineJob], log) -> None:
    plain = job("Some words are said here now.")
    voice = replace(plain.voice, engine=replace(plain.voice.engine, honours=()))
    text = "Before the point, a much longer stretch of it."
    spans = (Span("Before the point, "), Span("a much longer stretch of it.", rate=1.25, pitch=1.1, volume_db=-6.0))
    with Studio(settings) as studio:
        base = studio.speak(
            replace(plain, voice=voice, text=text, spans=(replace(spans[0], volume_db=1e-9), Span(spans[1].text))),
            tmp_path,
        )
        take = studio.speak(replace(plain, voice=voice, text=text, spans=spans), tmp_path)
        again = studio.speak(replace(plain, voice=voice, text=text, spans=spans), tmp_path / "again")
    assert [each.split(" ", 4)[1:3] for each in log.lines()[-2:]] == [["1.0", "1.0"], ["1.0", "1.0"]]
    assert take.degraded == ("style.mood",)
    assert take.sha256 == again.sha256 != base.sha256
    before, after = (_from_word(each, 1) for each in (base, take))
    assert before.duration_s / after.duration_s == pytest.approx(1.25, rel=0.01)
    assert rms_db(after) - rms_db(before) == pytest.approx(-6.0, abs=0.3)
    assert _peak_hz(after) / _peak_hz(before) == pytest.approx(1.1, rel=0.01)
    assert take.words[1].end_s == pytest.approx(take.num_samples / take.sample_rate, abs=0.02)


def _from_word(take: Take, number: int) -> Clip:
    clip = read_wav(take.path)
    begin, end = (round(at * clip.sample_rate) for at in (take.words[number].start_s, take.words[number].end_s))
    return Clip(clip.samples[:, begin:end], clip.sample_rate)


def _peak_hz(clip: Clip) -> float:
    spectrum = np.abs(np.fft.rfft(clip.samples[0] * np.hanning(clip.num_samples), 1 << 18))
    return float(np.argmax(spectrum)) * clip.sample_rate / (1 << 18)


class Fisherman:
    """One sentence said by espeak, its middle in some manner."""

    def __init__(self, studio: Studio, settings: Settings, folder: Path) -> None:
        self.studio, self.settings, self.folder = studio, settings, folder
        self.plain = self.middle(volume_db=1e-9)[1]

    def middle(self, **manner: object) -> tuple[Take, Clip]:
        """The take, and the sound from the middle's first word to the word after it."""
        spans = (Span("Last summer "), Span(MIDDLE, **manner), Span(" near that harbour."))  # type: ignore[arg-type]
        text = "".join(span.text for span in spans)
        voice = resolve(self.settings, engine="espeak", voice="en-us")
        take = self.studio.speak(LineJob("line-1", text, voice, "en", 1, {}, spans), self.folder)
        assert [word.text for word in take.words] == text.split()
        begin, end = (next(word.start_s for word in take.words if word.text == text) for text in ("the", "near"))
        clip = read_wav(take.path)
        return take, Clip(clip.samples[:, round(begin * clip.sample_rate) : round(end * clip.sample_rate)], 22_050)


@pytest.fixture(scope="module")
def fisherman(engine_python: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory):
    engines = Engines(named={"espeak": EngineSettings(python=str(engine_python("espeak")))})
    settings = replace(DEFAULTS, device="cpu", engines=engines, cache=replace(DEFAULTS.cache, enabled=False))
    with Studio(settings) as studio:
        yield Fisherman(studio, settings, tmp_path_factory.mktemp("takes"))


@pytest.mark.parametrize("rate", [0.8, 1.25, 1.5])
def test_espeak_says_a_stretch_faster_or_slower(fisherman: Fisherman, rate: float) -> None:
    take, clip = fisherman.middle(rate=rate)
    assert fisherman.plain.duration_s / clip.duration_s == pytest.approx(rate, rel=0.1)
    assert take.degraded == ()


@pytest.mark.parametrize("volume_db", [6.0, -9.0])
def test_espeak_says_a_stretch_louder_or_softer(fisherman: Fisherman, volume_db: float) -> None:
    _, clip = fisherman.middle(volume_db=volume_db)
    assert rms_db(clip) - rms_db(fisherman.plain) == pytest.approx(volume_db, abs=0.5)
    assert clip.duration_s == pytest.approx(fisherman.plain.duration_s, abs=0.002)


@pytest.mark.parametrize("pitch", [0.85, 1.2])
def test_espeak_says_a_stretch_higher_or_lower(fisherman: Fisherman, pitch: float) -> None:
    _, clip = fisherman.middle(pitch=pitch)
    found = np.median(pitches_hz(clip)) / np.median(pitches_hz(fisherman.plain))
    assert found == pytest.approx(pitch, rel=0.05)


def test_emphasis_is_heard(fisherman: Fisherman) -> None:
    strong, reduced = (fisherman.middle(emphasis=level)[1] for level in ("strong", "reduced"))
    assert strong.duration_s > fisherman.plain.duration_s > reduced.duration_s
    assert rms_db(strong) > rms_db(fisherman.plain) + 1.5 > rms_db(reduced) + 3.0


def test_a_stretch_that_goes_on_does_not_fall_and_leaves_no_hole(fisherman: Fisherman) -> None:
    clip = fisherman.middle(volume_db=1e-9)[1]
    tail = Clip(clip.samples[:, -round(0.25 * clip.sample_rate) :], clip.sample_rate)
    assert np.median(pitches_hz(tail)) > 0.9 * np.median(pitches_hz(clip)), "a full stop falls to three quarters"
    loud = np.abs(clip.samples[0]) > 0.01 * np.abs(clip.samples).max()
    silences = np.diff(np.flatnonzero(loud))
    assert silences.max() < 0.12 * clip.sample_rate, "a closure of a plosive, no pause"


def test_the_same_bytes_again(fisherman: Fisherman, tmp_path: Path) -> None:
    first = fisherman.middle(rate=1.5, volume_db=2.0)[0]
    fisherman.folder, before = tmp_path, fisherman.folder
    try:
        again = fisherman.middle(rate=1.5, volume_db=2.0)[0]
    finally:
        fisherman.folder = before
    assert again.spoken
    assert (again.key, again.sha256) == (first.key, first.sha256)
