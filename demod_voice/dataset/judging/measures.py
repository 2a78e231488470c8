"""What a segment of a recording measures: true measures, each with a definition, a unit and a test of known value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demod_voice.analysis.speech_track import SpeechTrack
from demod_voice.config.settings import Dataset
from demod_voice.dataset.judging import level, spectrum
from demod_voice.media.wav import read_span, wav_info
from demod_voice.units import SILENCE_DB

CLIPPED_HZ = 100
"""Counts of clipped samples a second."""
HUM_UNDER_SPEECH_DB = 55.0
"""Hum is not told to stand out of a silence that nobody hears: at 65 dB SPL of speech, the threshold of hearing at 100 Hz
(about 27 dB SPL) lies 40 dB under it. Source: ISO 226."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A key of a segment's ``qc``."""

    name: str
    unit: str
    title: str
    """For a heading."""
    definition: str
    digits: int
    """Decimal places that it is kept with."""


MEASURES: tuple[Measure, ...] = (
    Measure(
        "rms_dbfs",
        "dBFS",
        "Level",
        "Root mean square of the frames that hold speech, after cleaning; a full-scale square wave is 0.",
        1,
    ),
    Measure(
        "snr_db",
        "dB",
        "Speech to noise",
        "Level of the speech over that of the noise. The noise is what the frames without speech hold (0.1 s before to "
        "0.2 s after speech left out): 0.3 s of the segment, or the nearest 1 s within 5 s of it. It is taken off the "
        "speech, and counts as at least the rounding to 16 bits. None where less than 0.1 s of it is seen.",
        1,
    ),
    Measure(
        "clipping_ratio",
        "ratio",
        "Clipping",
        "Samples of the source at or over the clipping level, counted at its own rate before anything was done to it, "
        "over all samples. None where they were not counted.",
        6,
    ),
    Measure(
        "hum_db",
        "dB",
        "Hum",
        "How far the strongest line of mains hum (50 or 60 Hz and harmonics) stands over the spectrum beside it (40 Hz wide); "
        "0 = none. What is beside it counts as at least 55 dB under the speech: hum 40 dB under the speech reads at most 15.",
        1,
    ),
    Measure("hum_hz", "Hz", "Hum at", "Mains frequency of that hum. None where there is none.", 2),
    Measure(
        "plosive_ratio",
        "ratio",
        "Pops",
        "Time in pops of breath over time of speech. A pop is a burst of at most 0.25 s whose band from 20 to 75 Hz "
        "is at most 6 dB under the level of the segment's speech, and stands 6 dB over the band from 150 to 1000 Hz.",
        4,
    ),
    Measure(
        "reverb_s",
        "s",
        "Decay",
        "Seconds for 60 dB at the rate at which the level falls after speech ends (from 5 to at most 30 dB down, and not "
        "nearer than 8 dB to the noise): the lower quartile of the ends in the segment and 30 s around it. A hint: a voice "
        "that fades reads as a room. None where fewer than two ends fall by 10 dB.",
        2,
    ),
    Measure(
        "bandwidth_hz",
        "Hz",
        "Bandwidth",
        "Upper edge of the spectrum of the speech frames (each band of 0.2 kHz by its loudest 2 %): where it falls by 25 dB "
        "within a ratio of frequencies of 1.5 and stays there (the place 8 dB down), else the highest band that is at most "
        "50 dB under the loudest.",
        0,
    ),
    Measure("silence_ratio", "ratio", "Silence", "Time without speech over the length of the segment.", 3),
    Measure("speech_s", "s", "Speech", "Time of speech in the segment.", 2),
    Measure("dc_offset", "full scale", "DC offset", "Mean of the source's samples, before anything was done to it.", 5),
    Measure(
        "unheard_ratio",
        "ratio",
        "Words not heard",
        "Words of a transcript in the segment that forced alignment did not find, over all its words there.",
        3,
    ),
    Measure(
        "text_confidence", "0-1", "Confidence", "How sure the engine was that recognised the text; its own scale.", 3
    ),
    Measure("chars_per_s", "characters/s", "Pace of the text", "Letters and digits of the text a second of speech.", 1),
    Measure("words_per_min", "words/min", "Words", "Words of the text a minute of speech.", 0),
    Measure(
        "syllables_per_s",
        "1/s",
        "Syllables",
        "Peaks of the level from 150 to 1000 Hz that rise by 3 dB, a second of speech: the pace without any text.",
        1,
    ),
)
"""Every measure, in the order of the rows and pages."""

OF_THE_TEXT = frozenset({"unheard_ratio", "text_confidence"})
"""Measures that whoever gives a segment its text adds; ``Judge`` does not take them."""


class Judge:
    """Measures the segments of one finished recording. Safe for threads.

    Args:
        wav: the cleaned mono recording that clips are cut from.
        track: its speech.
        clipped: clipped samples of the source in each 10 ms, counted at its own rate; None = not counted.
        native_rate: the source's sample rate, Hz.
        settings: ``dataset.*``.
        dc_offset: mean of the source's samples.

    Raises:
        MediaError: the WAV cannot be read.
    """

    def __init__(
        self,
        wav: Path,
        track: SpeechTrack,
        clipped: NDArray[np.int64] | None,
        native_rate: int,
        settings: Dataset,
        dc_offset: float | None = None,
    ) -> None:
        self._wav, self._info = wav, wav_info(wav)
        self._clipped, self._native_rate = clipped, native_rate
        self._dc_offset = dc_offset
        self._levels = level.levels_of(wav, track, settings.segments.speech_threshold)

    def measure(self, first_sample: int, last_sample: int, text: str) -> dict[str, float | None]:
        """Every measure of ``first_sample <= n < last_sample``, rounded; None where one cannot be taken.

        Raises:
            MediaError: the WAV cannot be read.
        """
        wave = read_span(self._wav, first_sample, last_sample, self._info)[0]
        first, last = self._levels.span(first_sample, last_sample)
        speech = self._levels.speech[first:last]
        speech_s = float(np.count_nonzero(speech)) * self._levels.hop / self._info.sample_rate
        found: dict[str, float | None] = {
            **self._of_level(first, last),
            **self._of_spectrum(wave, first, last, speech_s),
            **pace(text, speech_s),
            "clipping_ratio": self._clipping_ratio(first_sample, last_sample),
            "silence_ratio": 1 - float(speech.mean()) if len(speech) else None,
            "speech_s": speech_s,
            "dc_offset": self._dc_offset,
        }
        return {each.name: _rounded(found[each.name], each.digits) for each in MEASURES if each.name not in OF_THE_TEXT}

    def _of_level(self, first: int, last: int) -> dict[str, float | None]:
        speech = level.speech_power(self._levels, first, last)
        noise = level.noise_power(self._levels, first, last)
        snr = None if speech is None or noise is None else level.speech_to_noise_db(speech, noise)
        return {
            "rms_dbfs": None if speech is None else 10 * math.log10(speech + 10 ** (SILENCE_DB / 10)),
            "snr_db": snr,
            "reverb_s": level.decay_s(self._levels, first, last),
        }

    def _of_spectrum(
        self, wave: NDArray[np.float32], first: int, last: int, speech_s: float
    ) -> dict[str, float | None]:
        levels, rate = self._levels, self._info.sample_rate
        bands = spectrum.bands_of(wave, rate)
        power = level.speech_power(levels, first, last)
        found = _hum(wave, rate, bands, power)
        if power is None or not speech_s:
            return {**found, "plosive_ratio": None, "bandwidth_hz": None, "syllables_per_s": None}
        speech = levels.speech[first:last]
        pops = float(np.count_nonzero(spectrum.pop_frames(bands, power))) * level.HOP_S
        return {
            **found,
            "plosive_ratio": pops / speech_s,
            "bandwidth_hz": spectrum.bandwidth_hz(wave, rate, speech),
            "syllables_per_s": spectrum.syllables(bands, speech) / speech_s,
        }

    def _clipping_ratio(self, first_sample: int, last_sample: int) -> float | None:
        """Over the whole counts that the segment touches."""
        if self._clipped is None:
            return None
        rate = self._info.sample_rate
        first, last = first_sample * CLIPPED_HZ // rate, math.ceil(last_sample * CLIPPED_HZ / rate)
        counts = self._clipped[first:last]
        samples = len(counts) * self._native_rate / CLIPPED_HZ
        return float(counts.sum()) / samples if samples else None


def _hum(
    wave: NDArray[np.float32], sample_rate: int, bands: spectrum.Bands, speech: float | None
) -> dict[str, float | None]:
    """Hum over what is beside it; beside it is at least ``HUM_UNDER_SPEECH_DB`` under the speech, mean square ``speech``."""
    from demod_voice.audio.hum import measure_hum

    if not spectrum.may_hum(bands.low):
        return {"hum_db": 0.0, "hum_hz": None}
    hum = measure_hum(wave, sample_rate)
    if not hum.db:
        return {"hum_db": 0.0, "hum_hz": None}
    over = hum.db
    if speech:
        over = min(over, max(0.0, hum.level_dbfs - 10 * math.log10(speech) + HUM_UNDER_SPEECH_DB))
    return {"hum_db": over, "hum_hz": hum.frequency_hz}


def pace(text: str, speech_s: float) -> dict[str, float | None]:
    """``chars_per_s`` and ``words_per_min`` of a text that is spoken in ``speech_s`` seconds; None without either."""
    letters = sum(each.isalnum() for each in text)
    if not letters or not speech_s:
        return {"chars_per_s": None, "words_per_min": None}
    words = sum(any(each.isalnum() for each in word) for word in text.split())
    return {"chars_per_s": letters / speech_s, "words_per_min": words * 60 / speech_s}


def _rounded(value: float | None, digits: int) -> float | None:
    """Finite, and without a minus before zero."""
    if value is None or not math.isfinite(value):
        return None
    return round(float(value), digits) + 0.0
