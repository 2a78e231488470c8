"""Two voices are told apart by their vectors, and a clip without a voice says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.corpus import Made
from support.signals import noise, wav

from demod_voice.analysis.speakers import centre, cosine, embed_clips
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineNotInstalled

pytestmark = pytest.mark.slow


def clips_of(made: Made, folder: Path) -> tuple[list[Path], list[str]]:
    """A file for each utterance, and who speaks in it."""
    rate = made.clip.sample_rate
    paths = [
        wav(folder / f"{n}.wav", made.clip.samples[:, round(each.start_s * rate) : round(each.end_s * rate)], rate)
        for n, each in enumerate(made.utterances)
    ]
    return paths, [each.speaker for each in made.utterances]


def test_voices_are_told_apart_at_the_engines_own_threshold(
    interview: Made, tmp_path: Path, pool_with_fakes: Pool
) -> None:
    paths, speakers = clips_of(interview, tmp_path)
    found = embed_clips(paths, pool_with_fakes, jobs=2)
    assert len(set(speakers)) == 2
    assert (found.model, found.revision, found.threshold) == ("pitch", "1", 0.8)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
    same = np.equal.outer(speakers, speakers)
    near = cosine(found.vectors, found.vectors)
    assert near.shape == (len(paths), len(paths))
    assert near[same].min() > 0.8 > near[~same].max()
    middle = centre(found.vectors[np.array(speakers) == speakers[0]])
    assert list(cosine(found.vectors, middle)[:, 0] > 0.8) == [each == speakers[0] for each in speakers]


def test_batches_and_jobs_change_nothing(
    interview: Made, tmp_path: Path, pool_with_fakes: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from demod_voice.analysis import speakers

    paths, _ = clips_of(interview, tmp_path)
    whole = embed_clips(paths, pool_with_fakes, jobs=2)
    monkeypatch.setattr(speakers, "BATCH", 2)
    assert np.array_equal(embed_clips(paths, pool_with_fakes).vectors, whole.vectors)


def test_a_clip_without_a_voice_has_no_vector_and_a_reason(
    interview: Made, tmp_path: Path, pool_with_fakes: Pool
) -> None:
    paths, _ = clips_of(interview, tmp_path)
    silent = wav(tmp_path / "silent.wav", noise(1, 1.0, -90.0, 16000), 16000)
    found = embed_clips([paths[0], silent], pool_with_fakes)
    assert np.isnan(found.vectors[1]).all()
    assert found.reasons == ("", "no voiced sound")
    assert np.isnan(cosine(found.vectors, found.vectors)[0, 1])
    assert centre(found.vectors) == pytest.approx(found.vectors[0], abs=1e-6)
    with pytest.raises(ValueError, match="none of the clips"):
        centre(found.vectors[1:])


def test_cosines_of_known_vectors() -> None:
    rows = np.array([[1, 0], [0, 2], [-3, 0], [1, 1]], np.float32)
    assert cosine(rows, rows[:1])[:, 0] == pytest.approx([1, 0, -1, 0.70710678])
    assert centre(rows[[0, 1]]) == pytest.approx([0.4472136, 0.8944272])


def test_without_the_engine_its_installation_is_named(interview: Made, tmp_path: Path, pool: Pool) -> None:
    paths, _ = clips_of(interview, tmp_path)
    with pytest.raises(EngineNotInstalled, match="ecapa"):
        embed_clips(paths, pool)
    with pytest.raises(ValueError, match="no clip"):
        embed_clips([], pool)
