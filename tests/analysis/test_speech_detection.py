"""Speech is found where it is, the same whatever the blocks, the jobs or the engine's mishaps."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.corpus import Made, Utterance, pink
from support.signals import noise, wav

from demod_voice.analysis import speech_detection
from demod_voice.analysis.energy_detection import FRAME, RATE, band_powers, speech_probabilities
from demod_voice.analysis.speech_detection import SpeechDetector, detect_speech
from demod_voice.analysis.speech_track import FRAME_S, SpeechTrack
from demod_voice.audio.resample import resample
from demod_voice.config.settings import Engines, EngineSettings, Settings
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineBrokenProtocol, EngineCrashed, MediaError

pytestmark = pytest.mark.slow

LIAR = """
import os, sys
from demod_worker.messages import DetectResult
from demod_worker.worker import Adapter, run

class Vad(Adapter):
    name, version, operations = "vad", "1", ("detect",)

    def detect(self, request, task):
        {body}

if __name__ == "__main__":
    run(Vad)
"""


def truth(utterances: Sequence[Utterance], frames: int) -> np.ndarray:
    """True for each frame whose middle is inside an utterance."""
    middles = (np.arange(frames) + 0.5) * FRAME_S
    return np.any([(middles >= each.start_s) & (middles < each.end_s) for each in utterances], axis=0)


def heard(track: SpeechTrack) -> np.ndarray:
    """The same of a track's regions."""
    middles = (np.arange(len(track.probabilities)) + 0.5) * FRAME_S
    return np.any([(middles >= each.start_s) & (middles < each.end_s) for each in track.regions()], axis=0)


def missed_and_false(track: SpeechTrack, made: Made) -> tuple[float, float]:
    """Share of the speech that was missed, and of the rest that was taken for speech."""
    true, found = truth(made.utterances, len(track.probabilities)), heard(track)
    return float(np.mean(~found[true])), float(np.mean(found[~true]))


def pushed(wave: np.ndarray, rate: int, folder: Path, pool: Pool, block: int, jobs: int = 2) -> SpeechTrack:
    with SpeechDetector(rate, folder, pool, jobs=jobs) as detector:
        for at in range(0, len(wave), block):
            detector.push(wave[at : at + block])
        return detector.finish()


@pytest.fixture
def without_vad(tmp_path: Path, hearing_settings: Settings) -> Settings:
    """The settings of a machine on which vad cannot be started."""
    nothing = EngineSettings(python=str(tmp_path / "nothing"))
    return dataclasses.replace(hearing_settings, engines=Engines(named={"vad": nothing}))


def test_speech_is_found_where_it_was_placed(interview: Made, tmp_path: Path, pool: Pool) -> None:
    path = wav(tmp_path / "a.wav", interview.clip.samples, interview.clip.sample_rate)
    track = detect_speech(path, tmp_path, pool, jobs=2)
    missed, false = missed_and_false(track, interview)
    assert (track.detector, track.model, track.degraded) == ("vad", "silero-vad", ())
    assert len(track.revision) == 16
    assert len(track.probabilities) == -(-len(interview.clip.samples[0]) * RATE // interview.clip.sample_rate // FRAME)
    assert missed < 0.02
    assert false < 0.12  # the network lets go of a word some frames late
    assert sorted(tmp_path.iterdir()) == [path]


def test_blocks_jobs_and_encodings_change_nothing(interview: Made, tmp_path: Path, pool: Pool) -> None:
    clip = interview.clip
    whole = pushed(clip.samples[0], clip.sample_rate, tmp_path, pool, clip.num_samples, jobs=1)
    odd = pushed(clip.samples[0], clip.sample_rate, tmp_path, pool, 7919)
    assert np.array_equal(whole.probabilities, odd.probabilities)
    short = wav(tmp_path / "s16.wav", clip.samples, clip.sample_rate, "pcm_s16le")
    assert np.abs(detect_speech(short, tmp_path, pool, jobs=2).probabilities - whole.probabilities).max() < 0.1


def test_slabs_join_without_a_seam(
    interview: Made, tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wave = resample(interview.clip, RATE).samples[0]
    whole = pushed(wave, RATE, tmp_path, pool, 1 << 16)
    monkeypatch.setattr(speech_detection, "SLAB_FRAMES", 300)
    cut = pushed(wave, RATE, tmp_path, pool, 1 << 16)
    again = pushed(wave, RATE, tmp_path, pool, 12345, jobs=1)
    assert len(cut.probabilities) == len(whole.probabilities)
    assert np.array_equal(cut.probabilities, again.probabilities)
    changed = np.mean((cut.probabilities >= 0.5) != (whole.probabilities >= 0.5))
    assert changed < 0.01  # at 9.6 s a slab; the true ones are 31 times as long


def test_an_empty_recording_and_one_shorter_than_a_frame(tmp_path: Path, pool: Pool) -> None:
    assert len(pushed(np.zeros(0, np.float32), 24000, tmp_path, pool, 1).probabilities) == 0
    assert len(pushed(np.zeros(100, np.float32), 24000, tmp_path, pool, 100).probabilities) == 1
    assert pushed(np.zeros(0, np.float32), 24000, tmp_path, pool, 1).regions() == ()


def test_without_the_engine_its_energy_is_taken_and_said(
    interview: Made, tmp_path: Path, without_vad: Settings
) -> None:
    with Pool(without_vad) as broken:
        track = pushed(interview.clip.samples[0], interview.clip.sample_rate, tmp_path, broken, 1 << 16)
    assert track.detector == "energy"
    (said,) = track.degraded
    assert said.startswith("vad: ")
    assert said.endswith("; speech was found by its energy alone")
    missed, false = missed_and_false(track, interview)
    assert missed < 0.02
    assert false < 0.12


@pytest.mark.parametrize(("snr_db", "most_missed"), [(20, 0.06), (10, 0.14)])
def test_the_energy_detector_beats_a_percentile_in_pink_noise(
    interview: Made, snr_db: float, most_missed: float
) -> None:
    wave = resample(interview.clip, RATE).samples[0]
    spoken = np.repeat(truth(interview.utterances, -(-len(wave) // FRAME)), FRAME)[: len(wave)]
    level = np.sqrt(np.mean(wave[spoken] ** 2))
    noisy = wave + (pink(np.random.default_rng(3), len(wave)) * level * 10 ** (-snr_db / 20)).astype(np.float32)
    missed, false = missed_and_false(SpeechTrack(speech_probabilities(band_powers(noisy)), "energy"), interview)
    levels = np.log10(np.maximum(band_powers(noisy).sum(axis=1), 1e-12)) * 10
    simple = SpeechTrack((levels > np.percentile(levels, 10) + 12).astype(np.float32), "percentile")
    assert missed < most_missed
    assert false < 0.05
    assert missed < missed_and_false(simple, interview)[0] / 2


@pytest.mark.parametrize("level_dbfs", [-20.0, -60.0])
def test_noise_alone_is_no_speech_by_energy(level_dbfs: float) -> None:
    found = speech_probabilities(band_powers(noise(5, 20.0, level_dbfs, RATE)[0]))
    assert found.max() < 0.4
    assert speech_probabilities(band_powers(np.zeros(RATE, np.float32))).max() < 0.1


def test_the_power_of_a_band_is_what_it_says() -> None:
    powers = band_powers(noise(5, 20.0, -20.0, RATE)[0])
    assert 10 * np.log10(powers.mean(axis=0) * FRAME) == pytest.approx(-20.0, abs=0.3)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("open(request.probabilities, 'wb').write(bytes(8)); return DetectResult(2)", EngineBrokenProtocol),
        ("return DetectResult(31)", EngineBrokenProtocol),
        ("os.abort()", EngineCrashed),
    ],
)
def test_an_engine_that_fails_on_the_recording_is_an_error(
    body: str, error: type[Exception], tmp_path: Path, hearing_settings: Settings
) -> None:
    folder = tmp_path / "engines" / "vad"
    folder.mkdir(parents=True)
    (folder / "worker.py").write_text(LIAR.format(body=body))
    with Pool(dataclasses.replace(hearing_settings, engines=Engines())) as liar:
        info = liar.info("vad")
        liar._infos["vad"] = dataclasses.replace(
            info, folder=folder, operations=("detect",), command=(sys.executable, "worker.py")
        )
        with pytest.raises(error):
            pushed(np.zeros(RATE, np.float32), RATE, tmp_path, liar, RATE)


def test_a_recording_cut_short_is_a_media_error(tmp_path: Path, pool: Pool) -> None:
    path = wav(tmp_path / "a.wav", noise(1, 1.0, -20.0, RATE), RATE)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(MediaError):
        detect_speech(path, tmp_path, pool, jobs=1)
