"""What is heard of a file to know its voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.corpus import Made
from support.signals import noise, sine, wav

from demod_voice.analysis import voiceprints
from demod_voice.analysis.listening import listening_slice
from demod_voice.analysis.speech_amount import speech_up_to
from demod_voice.analysis.voiceprints import voice_pieces
from demod_voice.config.settings import DEFAULTS
from demod_voice.engines.pool import Pool
from demod_voice.media.wav import read_wav, wav_info


@pytest.mark.parametrize(("minutes", "decoded_s"), [(10.5, 90.0), (9.5, 570.0)])
def test_of_a_long_recording_the_beginning_alone_is_decoded(tmp_path: Path, minutes: float, decoded_s: float) -> None:
    source = wav(
        tmp_path / "long.wav", np.tile(sine(200.0, 30.0, -9.0, 16_000), round(2 * minutes)), 16_000, "pcm_s16le"
    )
    made = voice_pieces(source, tmp_path / "heard", DEFAULTS.limits)
    pieces = [next(made)]
    assert wav_info(tmp_path / "heard.wav").duration_s == pytest.approx(decoded_s, abs=0.01)
    pieces += made
    assert [wav_info(each).duration_s for each in pieces] == [pytest.approx(15.0, abs=0.01)] * voiceprints.MOST_PIECES
    heard = np.concatenate([read_wav(each).samples for each in pieces], axis=1)
    assert np.array_equal(heard, read_wav(source).samples[:, : heard.shape[1]])


@pytest.mark.slow
def test_a_noise_is_no_speech_and_speech_is_counted_until_it_is_enough(
    tmp_path: Path, interview: Made, pool: Pool
) -> None:
    talk = wav(tmp_path / "talk.wav", interview.clip.samples, interview.clip.sample_rate, "pcm_s16le")
    pieces = [listening_slice(talk, at, at + 5.0, tmp_path / f"{at}.wav") for at in (0.0, 5.0)]
    assert 1.0 <= speech_up_to(pieces, 1.0, tmp_path, pool) <= 5.0
    assert speech_up_to(pieces, 60.0, tmp_path, pool) > 5.0
    hum = noise(3, 4.0, -20.0, 16_000) + sine(110.0, 4.0, -20.0, 16_000)
    assert speech_up_to([wav(tmp_path / "hum.wav", hum, 16_000, "pcm_s16le")], 1.0, tmp_path, pool) < 1.0
