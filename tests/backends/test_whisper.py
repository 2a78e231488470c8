"""The whisper engine: the real library on a tiny random model, so its words mean nothing and everything else holds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from demod_worker.messages import AlignRequest, TranscribeRequest
from support.signals import wav
from support.voices import RATE, voice, voice_file

from demod_voice.config.settings import Settings
from demod_voice.engines.client import Worker
from demod_voice.engines.pool import Pool
from demod_voice.errors import EngineError, EngineRefused, ModelMissing

pytestmark = pytest.mark.engines

TEXT = "The quick, brown fox — doesn't jump; naïve 今日は!"


@pytest.fixture(scope="module")
def tiny(tiny_model: Callable[..., Path]) -> Path:
    return tiny_model("whisper")


@pytest.fixture(scope="module")
def settings(engine_python, with_python, tiny: Path) -> Settings:
    return with_python("whisper", engine_python("whisper"), str(tiny))


@pytest.fixture(scope="module")
def whisper(settings: Settings) -> Iterator[Pool]:
    with Pool(settings) as pool:
        yield pool


@pytest.fixture(scope="module")
def worker(settings: Settings, start_worker: Callable[[str, Settings], Worker]) -> Iterator[Worker]:
    """One process that is given one bad model after the other."""
    worker = start_worker("whisper", settings)
    yield worker
    worker.kill()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(voice_file(tmp_path_factory.mktemp("clip") / "clip.wav", 120.0, 4.0))


def test_words_have_rising_times_inside_the_clip(whisper: Pool, clip: str, tiny: Path) -> None:
    found = whisper.transcribe("whisper", TranscribeRequest(clip, "de"))
    assert found.text
    assert [each.text for each in found.words] == found.text.split()
    edges = [at for each in found.words for at in (each.start_s, each.end_s)]
    assert all(0 <= at <= 4.0 for at in edges)
    starts = [each.start_s for each in found.words]
    assert starts == sorted(starts)
    assert all(each.confidence is not None and 0 <= each.confidence <= 1 for each in found.words)
    assert (found.language, found.model, len(found.model_revision)) == ("de", tiny.name, 16)
    assert found.mean_log_prob is not None
    assert found.mean_log_prob < 0
    assert found.no_speech is not None
    assert 0 <= found.no_speech <= 1


def test_the_language_is_found_out_and_always_the_same(whisper: Pool, clip: str) -> None:
    first = whisper.transcribe("whisper", TranscribeRequest(clip))
    assert len(first.language) in (2, 3)
    assert whisper.transcribe("whisper", TranscribeRequest(clip)) == first
    assert whisper.transcribe("whisper", TranscribeRequest(clip, first.language)).words == first.words


def test_tags_become_whispers_codes_and_others_are_refused(whisper: Pool, clip: str) -> None:
    assert whisper.transcribe("whisper", TranscribeRequest(clip, "nb-NO")).language == "no"
    assert whisper.transcribe("whisper", TranscribeRequest(clip, "pt_BR")).language == "pt"
    with pytest.raises(EngineRefused, match="'tlh'"):
        whisper.transcribe("whisper", TranscribeRequest(clip, "tlh"))
    languages = whisper.load("whisper").languages
    assert {"en", "de", "zh"} <= set(languages)
    assert len(languages) > 90


def test_beam_and_numbers_are_the_engines_options(
    whisper: Pool, settings: Settings, clip: str, with_options: Callable[..., Settings]
) -> None:
    plain = whisper.transcribe("whisper", TranscribeRequest(clip, "en"))
    with Pool(with_options(settings, "whisper", "beam=1", "compute_type=int8")) as pool:
        other = pool.transcribe("whisper", TranscribeRequest(clip, "en"))
    assert other.model_revision == plain.model_revision
    assert other.words != plain.words
    with Pool(with_options(settings, "whisper", "beam=99")) as pool, pytest.raises(EngineRefused, match="beam"):
        pool.load("whisper")
    with (
        Pool(with_options(settings, "whisper", "compute_type=float16")) as pool,
        pytest.raises(EngineRefused, match="compute_type"),
    ):
        pool.load("whisper")


@pytest.mark.parametrize("language", ["en", "", "ja"])
def test_every_written_word_has_its_time(whisper: Pool, clip: str, language: str) -> None:
    found = whisper.align("whisper", AlignRequest(clip, TEXT, language))
    assert [each.text for each in found.words] == TEXT.split()
    starts = [each.start_s for each in found.words]
    assert starts == sorted(starts)
    assert all(each.start_s <= each.end_s <= 4.0 and each.aligned for each in found.words)
    assert found.degraded == ()


def test_a_longer_clip_or_text_is_recognized_and_matched(whisper: Pool, clip: str, tmp_path: Path) -> None:
    long = str(wav(tmp_path / "long.wav", np.tile(voice(120.0, 4.0), (1, 8)), RATE, "pcm_s16le"))
    heard = whisper.transcribe("whisper", TranscribeRequest(long, "en"))
    said = ["unspoken", *(each.text for each in heard.words)]
    found = whisper.align("whisper", AlignRequest(long, " ".join(said), "en"))
    assert [each.text for each in found.words] == said
    assert [each.aligned for each in found.words] == [False, *(True for _ in heard.words)]
    assert "1 of" in found.degraded[0]
    assert [each.start_s for each in found.words[1:]] == [each.start_s for each in heard.words]
    many = whisper.align("whisper", AlignRequest(clip, "word " * 300, "en"))
    assert len(many.words) == 300


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.1])
def test_next_to_nothing_has_few_words_and_no_fault(whisper: Pool, tmp_path: Path, seconds: float) -> None:
    path = str(wav(tmp_path / "a.wav", voice(120.0, seconds), RATE, "pcm_s16le"))
    found = whisper.transcribe("whisper", TranscribeRequest(path, "en"))
    assert all(each.end_s <= seconds for each in found.words)
    assert found.text or found.no_speech == 1.0
    assert whisper.align("whisper", AlignRequest(path, "", "en")).words == ()
    words = whisper.align("whisper", AlignRequest(path, "two words", "en")).words
    assert [each.text for each in words] == ["two", "words"]


def test_another_kind_of_file_is_refused(whisper: Pool, tmp_path: Path) -> None:
    path = str(wav(tmp_path / "a.wav", np.zeros((1, 44100), np.float32), 44100, "pcm_s16le"))
    for request in (path, str(tmp_path / "none.wav")):
        with pytest.raises(EngineRefused, match=r"\.wav"):
            whisper.transcribe("whisper", TranscribeRequest(request))


def truncated(folder: Path) -> None:
    path = folder / "model.bin"
    path.write_bytes(path.read_bytes()[:100_000])


def emptied(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"")


def pickled(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"\x80\x04\x95" + bytes(2000))


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0"}))


@pytest.mark.parametrize("spoil", [truncated, emptied, pickled, no_tokenizer])
def test_a_damaged_model_is_refused(spoil: Callable[[Path], None], worker: Worker, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    spoil(folder)
    with pytest.raises(EngineError, match="damaged, or no Whisper model") as caught:
        worker.request("load", {"model": str(folder)})
    assert "/model" in caught.value.message
    assert caught.value.code == "bad_request"


def test_a_folder_without_its_files_is_told_and_nothing_is_fetched(worker: Worker, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelMissing, match=r"tokenizer\.json"):
        worker.request("load", {"model": str(folder)})
    with pytest.raises(ModelMissing, match=r"config\.json"):
        worker.request("load", {"model": "small"})
    with pytest.raises(EngineRefused, match="is a file"):
        worker.request("load", {"model": str(tiny / "model.bin")})


def test_without_a_gpu_it_runs_on_the_cpu_and_says_so(worker: Worker, tiny: Path) -> None:
    loaded = worker.request("load", {"model": str(tiny), "device": "cuda:0"})
    if loaded["device"] == "cpu":
        assert "finds no GPU" in loaded["notes"][0]
    else:
        assert loaded["device"] == "cuda:0"


def test_it_passes_the_conformance_suite(settings: Settings, tiny: Path) -> None:
    from demod_voice.api.engines import check_engine, failed_findings

    assert not failed_findings(check_engine("whisper", settings=settings, model=str(tiny)))
