"""Markup inside a spoken line: spans, pauses, styles; nothing of it is read aloud, and nothing is lost silently."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demod_voice.formats.markup import escape, read_line
from demod_voice.formats.pieces import Piece
from demod_voice.formats.script import Effect, Recording
from demod_voice.text.spans import Span

DEFAULTS = {name: Span("").__getattribute__(name) for name in Span.__dataclass_fields__}


def read(text: str) -> tuple[list[Piece], list[tuple[int, str]]]:
    found: list[tuple[int, str]] = []
    pieces = read_line(text, 1, lambda error, line: found.append((line, f"{error.message} ({error.hint([])})")))
    return pieces, found


def spans(text: str) -> list[dict[str, Any]]:
    """Each span as what it asks for, over all pieces."""
    pieces, found = read(text)
    assert found == []
    return [
        {name: getattr(span, name) for name in DEFAULTS if getattr(span, name) != DEFAULTS[name]}
        for piece in pieces
        for span in piece.spans
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I <emphasis>do</emphasis> mean.", [{}, {"text": "do", "emphasis": "moderate"}, {}]),
        ('<emphasis level="strong">Stop</emphasis>', [{"text": "Stop", "emphasis": "strong"}]),
        ("<emphasis level='none'>Stop</emphasis> it", [{"text": "Stop it"}]),
        ('<prosody rate="slow">a</prosody>', [{"text": "a", "rate": 0.8}]),
        ('<prosody rate="80%">a</prosody>', [{"text": "a", "rate": 0.8}]),
        ('<prosody rate="-20%">a</prosody>', [{"text": "a", "rate": 0.8}]),
        ('<prosody rate="1.2">a</prosody>', [{"text": "a", "rate": 1.2}]),
        ('<prosody pitch="+12st">a</prosody>', [{"text": "a", "pitch": 2.0}]),
        ('<prosody pitch="+10%" volume="-3dB">a</prosody>', [{"text": "a", "pitch": 1.1, "volume_db": -3.0}]),
        ('<prosody pitch="0.9" volume="x-soft">a</prosody>', [{"text": "a", "pitch": 0.9, "volume_db": -12.0}]),
        ("<prosody rate='fast'><prosody rate='0.5' volume='+2dB'>a</prosody></prosody>",
         [{"text": "a", "rate": 0.625, "volume_db": 2.0}]),
        ("<prosody volume='+2dB'>b<prosody volume='+2dB'>a</prosody></prosody>",
         [{"text": "b", "volume_db": 2.0}, {"text": "a", "volume_db": 4.0}]),
        ('<say-as interpret-as="spell-out">AB</say-as>', [{"text": "AB", "say_as": "characters"}]),
        ('the <sub alias="World  Wide Web"> WWW </sub>now', [{}, {"text": "WWW", "alias": "World Wide Web"}, {}]),
        ('<sub alias="and">…</sub>', [{"text": "…", "alias": "and"}]),
        ('<phoneme alphabet="ipa" ph="təˈmɑːtoʊ">tomato</phoneme>', [{"text": "tomato", "phonemes": "təˈmɑːtoʊ"}]),
        ('<phoneme ph="ˈt͡sʊŋə">x</phoneme>', [{"text": "x", "phonemes": "ˈt͡sʊŋə"}]),
        ('<lang xml:lang="de">Ja</lang> so', [{"text": "Ja", "language": "de"}, {}]),
        ('<LANG lang="pt-BR">Sim</LANG>', [{"text": "Sim", "language": "pt-BR"}]),
        ("[laugh] Good. [whisper] Bad.", [{"text": "Good. ", "style": "laugh"}, {"text": "Bad.", "style": "whisper"}]),
        ("[whisper] Bad. [normal] Good.", [{"text": "Bad. ", "style": "whisper"}, {"text": "Good."}]),
        ("Good. [Laugh]", [{"text": "Good.", "style": "laugh"}]),
        ("<emphasis>a [whisper] b</emphasis> c",
         [{"text": "a ", "emphasis": "moderate"}, {"text": "b", "emphasis": "moderate", "style": "whisper"},
          {"style": "whisper"}]),
        ("**so *<emphasis>very</emphasis>* good**", [{}, {"text": "very", "emphasis": "moderate"}, {}]),
        ("a &lt;b&gt; &amp;amp; &eacute;&#33;&#x5b;x]", [{"text": "a <b> &amp; é![x]"}]),
        ("AT&T &nosuch; \\&amp; &#0; &#xE001;", [{"text": "AT&T &nosuch; &amp; &#0; &#xE001;"}]),
        ('<sub alias="a &quot;b&quot;">x</sub>', [{"text": "x", "alias": 'a "b"'}]),
        ("<emphasis\nlevel='strong'>a\nb</emphasis>", [{"text": "a b", "emphasis": "strong"}]),
    ],
)  # fmt: skip
def test_markup_becomes_spans(text: str, expected: list[dict[str, Any]]) -> None:
    for found, wanted in zip(spans(text), expected, strict=True):
        assert {**found, **wanted} == pytest.approx(found)
        assert set(found) == {"text", *wanted}


def test_the_words_keep_their_spaces() -> None:
    (piece,), _ = read("I   <emphasis> really </emphasis> \n mean  it")
    assert piece.text == "I really mean it"
    assert [span.text for span in piece.spans] == ["I ", "really ", "mean it"]


def test_pauses_divide_and_markup_goes_on_but_a_style_ends() -> None:
    pieces, found = read('<prosody rate="fast">a <pause ms="500"/> [whisper] b [pause 1s] c</prosody> d <break/>')
    assert found == []
    assert [(each.pause_s, each.text) for each in pieces] == [(None, "a"), (0.5, "b"), (1.0, "c d"), (0.5, "")]
    assert [(span.rate, span.style) for each in pieces for span in each.spans] == [
        (1.25, ""), (1.25, "whisper"), (1.25, ""), (1.0, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "seconds"),
    [
        ('<break time="2s"/>', 2.0),
        ('<break strength="strong"></break>', 1.0),
        ('<pause time="800ms" />', 0.8),
        ("[Pause 0.5]", 0.5),
    ],
)
def test_a_pause_has_many_forms(tag: str, seconds: float) -> None:
    pieces, found = read(f"a {tag} b")
    assert (found, [(each.pause_s, each.text) for each in pieces]) == ([], [(None, "a"), (seconds, "b")])


def test_an_effect_divides_and_a_recording_begins() -> None:
    pieces, found = read("a [sfx my door.wav -6dB wait] b [sfx 'x.wav']")
    assert found == []
    assert [(each.text, each.effects) for each in pieces] == [
        ("a", ()), ("b", (Effect("my door.wav", 1, -6.0, True),)), ("", (Effect("x.wav", 1),)),
    ]  # fmt: skip
    (piece,), found = read("[audio in_ter_view.wav 01:12-02:40 clean] He said *it*.")
    assert found == []
    assert (piece.recording, piece.text) == (Recording("in_ter_view.wav", 72.0, 160.0, True), "He said it.")


@pytest.mark.parametrize(
    ("value", "recording"),
    [
        ("a.wav", Recording("a.wav")),
        ("a b.wav 10s-", Recording("a b.wav", 10.0)),
        ("a-1.wav -1:02:03.5", Recording("a-1.wav", 0.0, 3723.5)),
        ('"a clean" clean', Recording("a clean", clean=True)),
        ("a.wav 1.5s–90", Recording("a.wav", 1.5, 90.0)),
    ],
)
def test_a_recording_has_a_stretch(value: str, recording: Recording) -> None:
    assert read(f"[audio {value}]")[0][0].recording == recording


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a <emphasis>b", "<emphasis> is not closed (end it with </emphasis>)"),
        ("a </emphasis>b", "</emphasis> closes nothing"),
        ("<emphasis><lang xml:lang='de'>b</emphasis></lang>", "</emphasis> stands where <lang> is open (write </lang>"),
        ("a <emphasis/> b", "<emphasis/> holds no words"),
        ("a <emphasis></emphasis> b", "<emphasis> holds no words"),
        ("<emphasis level='strnog'>b</emphasis>", "unknown level (did you mean strong?)"),
        ("<emphasis lvel='strong'>b</emphasis>", "unknown attribute lvel (did you mean level?)"),
        ("<emphasis level=strong>b</emphasis>", "cannot be read (as in <emphasis level="),
        ("<prosody>b</prosody>", "<prosody> without rate"),
        ("<prosody rate='quick'>b</prosody>", "unknown rate (known: x-slow"),
        ("<prosody rate='9'>b</prosody>", "0.25 to 4 times"),
        ("<prosody rate='+2st'>b</prosody>", "unknown rate"),
        ("<prosody pitch='200Hz'>b</prosody>", "unknown pitch"),
        ("<prosody volume='silent'>b</prosody>", "unknown volume"),
        ("<prosody volume='+30dB'>b</prosody>", "-40 to 20 dB"),
        ("<prosody rate='3'><prosody rate='3'>b</prosody></prosody>", "with the tags around it over 0.25 to 4 times"),
        ("<prosody rate='2' rate='2'>b</prosody>", "stands twice"),
        ("<say-as interpret-as='money'>b</say-as>", "unknown interpret-as"),
        ("<emphass>b</emphass>", "unknown tag <emphass> (did you mean <emphasis>?"),
        ("</emphass>", "unknown tag </emphass>"),
        ("<sub>b</sub>", "<sub> without alias"),
        ("<sub alias='x'>b [pause 1s] c</sub>", "a pause inside <sub>"),
        ("<sub alias='x'>b <emphasis>c</emphasis></sub>", "<emphasis> inside <sub>"),
        ("<phoneme ph='t@meItoU'>b</phoneme>", "'@' is no sign of IPA"),
        ("<phoneme ph='x' alphabet='x-sampa'>b</phoneme>", "unknown alphabet"),
        ("<lang xml:lang='d e'>b</lang>", "no language tag"),
        ("a <pause ms='500'> b", "<pause> is not closed (write <pause .../>)"),
        ("a <pause ms='500'>b</pause>", "<pause> holds words"),
        ("a <pause/> b", "<pause> without a length"),
        ("a <pause ms='soon'/> b", "is not a duration"),
        ("a <break time='1h'/> b", "longer than 600 s"),
        ("a <break strength='stong'/> b", "did you mean strong?"),
        ("a <emphass>b", "unknown tag <emphass> (did you mean <emphasis>?"),
        ("a <!-- b", "a < that belongs to no tag"),
        ("[laugh loudly] a", "unknown tag [laugh loudly] (did you mean [laugh]?"),
        ("[laugh] [whisper] a", "no words follow [laugh]"),
        ("[laugh] a [sigh]", "no words follow [sigh]"),
        ("[whsper] a", "did you mean [whisper]?"),
        ("a [audio x.wav]", "[audio] in the middle of a line"),
        ("[audio x.wav] a [pause 1s] b", "a pause inside the transcript"),
        ("[audio x.wav] a <emphasis>b</emphasis>", "tags in the transcript"),
        ("[audio x.wav 2:00-1:00]", "it ends at 60 s, and begins at 120 s"),
        ("[audio 1:00-2:00]", "[audio] without a file"),
        ("[sfx -6dB]", "[sfx] without a file"),
        ("[sfx a.wav +90dB]", "90 dB is not between"),
    ],
)
def test_what_cannot_be_meant_is_one_fault(text: str, words: str) -> None:
    ((line, told),) = read(text)[1]
    assert line == 1
    assert words in told


def test_a_fault_has_the_row_of_its_tag() -> None:
    assert [line for line, _ in read("a\n<emphasis>\nb [x]\n</lang>\n[pause 1s]\n<x>")[1]] == [3, 4, 6, 2]


WORDS = st.lists(st.sampled_from(["alpha", "beta", "7", "é", "—"]), min_size=1, max_size=3).map(" ".join)


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    opened = st.sampled_from(
        ['<emphasis level="strong">{}</emphasis>', '<prosody rate="90%">{}</prosody>', '<lang xml:lang="de">{}</lang>']
    )
    return st.builds(str.format, opened, inner) | st.lists(inner, min_size=1, max_size=3).map(" ".join)


LEAVES = WORDS | st.sampled_from(
    ['<sub alias="x">beta</sub>', 'alpha <pause ms="5"/> beta', "[laugh] alpha", "**beta**", "*beta* alpha"]
)


@given(st.recursive(LEAVES, _wrapped, max_leaves=8))
def test_markup_never_appears_in_the_words(text: str) -> None:
    pieces, found = read(text)
    words = " ".join(piece.text for piece in pieces)
    if not found:
        plain = re.sub(r"<[^>]*>|\[[^\]]*\]|\*", "", text)
        assert words.split() == plain.split()
    assert not re.search(r"[<>\[\]*]", words)


PARTS = [
    "<", ">", "/", "[", "]", '"', "'", "=", "\\", "&", ";", "*", "_", "`", "(", ")", "\n", " ", "a", "\ue081", "\ue05b",
    "<emphasis>", "</emphasis>", "<sub alias='b'>", "</sub>", "<pause ms='1'/>", "[laugh]", "[audio x]", "[sfx x]",
    "<prosody rate='slow'>", "</prosody>", "&lt;", "&#91;", "[pause 1s]", "<break>", "</break>",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS) | st.text(max_size=3), max_size=30).map("".join))
def test_any_text_is_read_or_told(text: str) -> None:
    pieces, found = read(text)
    for piece in pieces:
        assert piece.text == " ".join(piece.text.split())
        assert "\ue081" not in piece.text
        assert found or "<emphasis>" not in piece.text or "\\" in text or "&" in text


@given(st.text(st.characters(exclude_categories=["Co", "Cs"]), max_size=60))
def test_escaped_text_has_no_spans_that_ask_for_anything(text: str) -> None:
    pieces, found = read(escape(text))
    assert found == []
    assert all(span.plain for piece in pieces for span in piece.spans)


@pytest.mark.parametrize(
    "unit",
    ["<emphasis>", "<emphasis>a", "</emphasis>", "<prosody rate='1'>", "[laugh]", "[laugh] a ", "[pause 0] ", "<a b='",
     "<sub alias='x'>", "&amp", "&#", "[sfx a] ", "<emphasis> </lang>", "<lang lang='de'>a</lang> ", '<a b="" '],
)  # fmt: skip
def test_time_grows_with_the_text_only(unit: str) -> None:
    """A quadratic reader takes minutes for this."""
    text = unit * (100_000 // len(unit))
    before = time.process_time()
    read_line(text, 1, lambda error, line: None)
    assert time.process_time() - before < 3.0
