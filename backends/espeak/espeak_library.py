"""The espeak-ng library through ctypes: what the speaking server calls, and nothing that the worker's threads touch.

Source: speak_lib.h of espeak-ng 1.52 (structures, event types, parameters, flags).
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

WORD, SILENCE, SOUND = 1, 2, 3
"""Kinds of ``Event``: a word begins, silence begins, sound begins again."""

BUFFER_MS = 500
"""Sound that the library gives at a time: half a millisecond of work; its own 60 ms cost more in messages."""

_MODE_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x0001, 0x0002, 0x8000
_EVENT_WORD, _EVENT_PHONEME = 1, 7
_RATE, _PITCH, _RANGE = 1, 3, 4
_CHARS_UTF8, _PHONEMES = 1, 0x100
_IPA = 0x02
_SEED = 1
"""Of the noise in breathy variants (f3, whisper); by itself the library takes the time of day."""
_POSITION_CHARACTER = 1
_VARIANTS_LANGUAGE = b"variant\0"
_DICTIONARY_LINE = re.compile(r"^\s*dictionary\s+(\S+)", re.MULTILINE)


class EspeakError(Exception):
    """The library refused something."""


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.POINTER(ctypes.c_char)),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))
Event = tuple[int, int, int]
"""(kind, 0-based character position of a word or -1, sample)."""


@dataclass(frozen=True)
class Job:
    """One utterance, as the library takes it."""

    text: str
    voice: str
    """Identifier, with a variant after ``+`` (``gmw/en-US+f3``)."""
    rate: int
    """Words a minute."""
    pitch: int
    """0-100."""
    pitch_range: int
    """0-100."""
    max_samples: int = 0
    """The work stops here; 0 = no limit."""
    phonemes: bool = False
    """``[[ ]]`` in the text holds names of phonemes."""


@dataclass(frozen=True)
class Question:
    """How the library would say texts, without a sound."""

    texts: Sequence[str]
    voice: str
    """Identifier."""
    phonemes: bool = False
    """``[[ ]]`` in the texts holds names of phonemes."""


class Espeak:
    """The initialised library.

    Args:
        library: path of the shared library.
        data_parent: folder that holds ``espeak-ng-data``. It becomes the working folder, because the library cannot
            take a path of more than about 160 characters (its buffers) and a relative one is always short.

    Raises:
        EspeakError: the library cannot be loaded, or has no data.
    """

    def __init__(self, library: Path, data_parent: Path) -> None:
        try:
            os.chdir(data_parent)
            self._library = ctypes.CDLL(str(library))
        except OSError as error:
            raise EspeakError(f"the espeak-ng library cannot be loaded: {error}") from error
        self._declare()
        options = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self.sample_rate: int = self._library.espeak_Initialize(_MODE_SYNCHRONOUS, BUFFER_MS, b".", options)
        """Hz."""
        if self.sample_rate <= 0:
            raise EspeakError(f"espeak-ng found no data in {data_parent}")

    def _declare(self) -> None:
        c, library = ctypes, self._library
        library.espeak_Initialize.argtypes = [c.c_int, c.c_int, c.c_char_p, c.c_int]
        library.espeak_ng_SetRandSeed.argtypes = [c.c_long]
        library.espeak_SetVoiceByName.argtypes = [c.c_char_p]
        library.espeak_ListVoices.argtypes = [c.c_void_p]
        library.espeak_ListVoices.restype = c.POINTER(c.POINTER(_Voice))
        library.espeak_TextToPhonemes.argtypes = [c.POINTER(c.c_void_p), c.c_int, c.c_int]
        library.espeak_TextToPhonemes.restype = c.c_char_p
        library.espeak_Info.argtypes = [c.c_void_p]
        library.espeak_Info.restype = c.c_char_p
        library.espeak_Synth.argtypes = [
            c.c_char_p, c.c_size_t, c.c_uint, c.c_int, c.c_uint, c.c_uint, c.c_void_p, c.c_void_p,
        ]  # fmt: skip

    @property
    def version(self) -> str:
        """Version of the library, such as ``1.52.0``."""
        found: bytes = self._library.espeak_Info(None)
        return found.decode().split()[0]

    def voices(self) -> list[tuple[str, list[tuple[str, int]], str]]:
        """(name, [(language tag, priority, lower is better)], identifier) of every voice that can speak.

        A few voices of the data have no dictionary (Faroese, Karakalpak): the library takes them and stays silent.
        """
        return [voice for voice in self._listed(None) if _dictionary(voice[2], voice[1]).is_file()]

    def variants(self) -> list[tuple[str, str]]:
        """(name, file name) of every variant, such as ("female3", "f3")."""
        wanted = _Voice(languages=ctypes.cast(ctypes.c_char_p(_VARIANTS_LANGUAGE), ctypes.POINTER(ctypes.c_char)))
        listed = self._listed(ctypes.addressof(wanted))
        return [(name, file.rpartition("/")[2]) for name, _, file in listed if file.startswith("!v")]

    def _listed(self, wanted: int | None) -> list[tuple[str, list[tuple[str, int]], str]]:
        found = self._library.espeak_ListVoices(wanted)
        rows = []
        number = 0
        while found[number]:
            voice = found[number].contents
            rows.append((_text(voice.name).strip(), _languages(voice.languages), _text(voice.identifier)))
            number += 1
        return rows

    def speak(self, job: Job, on_audio: Callable[[bytes], bool], on_events: Callable[[list[Event]], bool]) -> bool:
        """Speak one utterance; returns False when a callback asked to stop or ``max_samples`` was reached.

        Only the first call in a process gives bytes that can be had again: the library keeps state from call to call.

        Args:
            job: what to say.
            on_audio: takes signed 16-bit samples; returns False to stop.
            on_events: takes the events of the same stretch of sound; returns False to stop.

        Raises:
            EspeakError: no such voice, or the library failed.
        """
        self._set_voice(job.voice)
        for parameter, value in ((_RATE, job.rate), (_PITCH, job.pitch), (_RANGE, job.pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        stream = _Stream(job.max_samples, on_audio, on_events)
        callback = _Callback(stream.take)
        self._library.espeak_SetSynthCallback(callback)
        self._library.espeak_ng_SetRandSeed(_SEED)
        data = job.text.encode("utf-8", "replace") + b"\0"
        flags = _CHARS_UTF8 | (_PHONEMES if job.phonemes else 0)
        code = self._library.espeak_Synth(data, len(data), 0, _POSITION_CHARACTER, 0, flags, None, None)
        if code != 0 and not stream.stopped:
            raise EspeakError(f"espeak-ng failed with code {code}")
        return not stream.stopped

    def ipa(self, question: Question) -> list[list[str]]:
        """The IPA of each text, clause by clause. For a process that speaks nothing: it leaves state behind.

        Raises:
            EspeakError: no such voice.
        """
        self._set_voice(question.voice)
        if question.phonemes:
            # Only a synthesis sets how [[ ]] is read; this one ends at its first sound.
            callback = _Callback(lambda *_: 1)
            self._library.espeak_SetSynthCallback(callback)
            self._library.espeak_Synth(b"x\0", 2, 0, _POSITION_CHARACTER, 0, _CHARS_UTF8 | _PHONEMES, None, None)
            self._set_voice(question.voice)
        return [list(self._clauses(text)) for text in question.texts]

    def _clauses(self, text: str) -> Iterator[str]:
        buffer = ctypes.create_string_buffer(text.encode("utf-8", "replace"))
        place = ctypes.c_void_p(ctypes.addressof(buffer))
        while place.value:
            said = self._library.espeak_TextToPhonemes(ctypes.byref(place), _CHARS_UTF8, _IPA)
            yield " ".join(_text(said or b"").split())

    def _set_voice(self, voice: str) -> None:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EspeakError(f"espeak-ng cannot load voice {voice!r}")


class _Stream:
    """Takes what the library makes, buffer by buffer."""

    def __init__(
        self, max_samples: int, on_audio: Callable[[bytes], bool], on_events: Callable[[list[Event]], bool]
    ) -> None:
        self._left = max_samples or None
        self._on_audio = on_audio
        self._on_events = on_events
        self._sounding = False
        self.stopped = False

    def take(self, samples: int | None, count: int, events: ctypes._Pointer[_Event]) -> int:
        """The library's callback: 0 to go on, 1 to stop."""
        if self.stopped:
            return 1
        go_on = self._on_events(self._events(events))
        if samples and count > 0:
            if self._left is not None:
                count = min(count, self._left)
                self._left -= count
            go_on = self._on_audio(ctypes.string_at(samples, count * 2)) and go_on
        self.stopped = not go_on or self._left == 0
        return int(self.stopped)

    def _events(self, events: ctypes._Pointer[_Event]) -> list[Event]:
        """Words, and where sound turns to silence and back (a pause is a phoneme without a name)."""
        found: list[Event] = []
        number = 0
        while events[number].type:
            event = events[number]
            number += 1
            if event.type == _EVENT_WORD:
                found.append((WORD, event.text_position - 1, event.sample))
            elif event.type == _EVENT_PHONEME:
                sounding = bytes(event.id.string)[:1] not in (b"", b"\0")
                if sounding != self._sounding:
                    found.append((SOUND if sounding else SILENCE, -1, event.sample))
                self._sounding = sounding
        return found


def _dictionary(identifier: str, tags: list[tuple[str, int]]) -> Path:
    """A voice's dictionary, which its file names or which is called like its language; below the working folder."""
    data = Path("espeak-ng-data")
    named = _DICTIONARY_LINE.search((data / "lang" / identifier).read_text(errors="replace"))
    return data / f"{named[1] if named else tags[0][0].partition('-')[0]}_dict"


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _languages(field: ctypes._Pointer[ctypes.c_char]) -> list[tuple[str, int]]:
    """The library's list of languages: a priority byte and a zero-ended tag each, ended by a zero priority."""
    found = []
    at = 0
    while field[at] != b"\0":
        priority = ord(field[at])
        at += 1
        begin = at
        while field[at] != b"\0":
            at += 1
        found.append((field[begin:at].decode(), priority))
        at += 1
    return found
