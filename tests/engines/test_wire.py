"""Frames: whole or loud. Truncated anywhere, stray anything, over every limit."""

from __future__ import annotations

import io
import json

import pytest
from demod_worker.messages import (
    BadMessage,
    LoadRequest,
    SpeakItem,
    SpeakRequest,
    SpeakResult,
    Voice,
    Word,
    from_json,
    to_json,
)
from demod_worker.wire import MAX_LINE, MAX_PAYLOAD, BrokenFrame, Frame, encode_frame, read_frame
from hypothesis import given, settings
from hypothesis import strategies as st

SESSION = [
    Frame("ready", None, {"protocol": 1}),
    Frame("audio-start", 1, {"item": 0, "rate": 24000, "encoding": "pcm_s16le", "channels": 1}),
    Frame("audio-chunk", 1, {"item": 0}, b"\n\x00{}\xff" * 4),
    Frame("item-done", 1, {"item": 0, "model": "übung"}),
    Frame("done", 1, {"spoken": 1}),
]


def read_all(data: bytes) -> list[Frame]:
    stream = io.BytesIO(data)
    found = []
    while (frame := read_frame(stream)) is not None:
        found.append(frame)
    return found


def test_a_session_reads_back() -> None:
    assert read_all(b"".join(map(encode_frame, SESSION))) == SESSION


def test_truncated_at_every_byte_no_frame_is_made_up() -> None:
    data = b"".join(map(encode_frame, SESSION))
    edges = [0]
    for frame in SESSION:
        edges.append(edges[-1] + len(encode_frame(frame)))
    for at in range(len(data)):
        if at in edges:
            assert read_all(data[:at]) == SESSION[: edges.index(at)]
        else:
            with pytest.raises(BrokenFrame):
                read_all(data[:at])


@pytest.mark.parametrize(
    "line",
    [
        b"hello\n",
        b"\n",
        b"[]\n",
        b"{}\n",
        b'{"type":1}\n',
        b'{"type":"x","data":[]}\n',
        b'{"type":"x","id":"1"}\n',
        b'{"type":"x","id":-1}\n',
        b'{"type":"x","id":true}\n',
        b'{"type":"x","payload_length":1.5}\n',
        b'{"type":"x","data":{"a":NaN}}\n',
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
    ],
)
def test_stray_lines_are_loud(line: bytes) -> None:
    with pytest.raises(BrokenFrame):
        read_frame(io.BytesIO(line))


def test_limits_are_kept_on_both_sides() -> None:
    with pytest.raises(BrokenFrame, match="limit"):
        encode_frame(Frame("x", 1, {"text": "a" * MAX_LINE}))
    with pytest.raises(BrokenFrame, match="over"):
        read_frame(io.BytesIO(b'{"type":"' + b"a" * MAX_LINE + b'"}\n'))
    with pytest.raises(BrokenFrame, match="limit"):
        read_frame(io.BytesIO(b'{"type":"x","payload_length":%d}\n' % (MAX_PAYLOAD + 1)))


def test_unknown_keys_are_ignored() -> None:
    assert read_frame(io.BytesIO(b'{"type":"x","later":1}\n')) == Frame("x")


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data: bytes) -> None:
    try:
        read_all(data)
    except BrokenFrame:
        return


@pytest.mark.fuzz
@settings(max_examples=20_000, deadline=None)
@given(st.data())
def test_mutated_sessions_are_whole_or_loud(data: st.DataObject) -> None:
    good = bytearray(b"".join(map(encode_frame, SESSION)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(good) - 1))
        if data.draw(st.booleans()):
            good[at] = data.draw(st.integers(0, 255))
        else:
            del good[at]
    try:
        for frame in read_all(bytes(good)):
            json.dumps(frame.data)
    except BrokenFrame:
        return


def test_messages_go_there_and_back() -> None:
    item = SpeakItem(3, "hé", "en", Voice(preset="low", references=("/a.wav",)), seed=7, style={"a": [1]}, max_s=2.0)
    assert from_json(SpeakRequest, json.loads(json.dumps(to_json(SpeakRequest((item,)))))) == SpeakRequest((item,))
    result = SpeakResult(0, (Word("a", 0.0, 0.5),), "m", "r", 24000, ("pitch",))
    assert from_json(SpeakResult, json.loads(json.dumps(to_json(result)))) == result


@pytest.mark.parametrize(
    ("cls", "data", "names"),
    [
        (SpeakRequest, {}, "items"),
        (SpeakRequest, {"items": [{"text": "a"}]}, "items[0].item"),
        (SpeakRequest, {"items": [{"item": 0, "text": 7}]}, "items[0].text"),
        (SpeakRequest, {"items": "x"}, "items"),
        (SpeakRequest, {"items": [{"item": True, "text": ""}]}, "items[0].item"),
        (SpeakRequest, {"items": [{"item": 0, "text": "", "style": []}]}, "style"),
        (SpeakRequest, {"items": [{"item": 0, "text": "", "voice": {"references": [1]}}]}, "voice.references[0]"),
        (LoadRequest, {"threads": "2"}, "threads"),
        (LoadRequest, [], "LoadRequest"),
    ],
)
def test_a_bad_message_names_the_field(cls: type, data: object, names: str) -> None:
    with pytest.raises(BadMessage) as caught:
        from_json(cls, data)
    assert names in str(caught.value)
