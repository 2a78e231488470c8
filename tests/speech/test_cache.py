"""The speech cache: bounded, shared, verified, and never in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from demod_voice.api.cache import cache_info, clear_cache, prune_cache
from demod_voice.audio.clip import mono
from demod_voice.config.folders import cache_folder
from demod_voice.config.settings import DEFAULTS, Cache, Settings
from demod_voice.errors import UsageError
from demod_voice.records.hashing import hash_json
from demod_voice.speech.cache import STALE_S, SpeechCache
from demod_voice.speech.takes import TakeRecord, read_take, take_files, write_take

FACTS = {
    "engine": "odd", "output_version": 1, "model": "m", "model_revision": "r", "seed": 0, "attempt": 0,
    "chunks": (), "trimmed_s": (), "words": (), "degraded": (),
}  # fmt: skip


def bounded(max_size: str) -> Settings:
    return replace(DEFAULTS, cache=Cache(max_size=max_size))


def make(folder: Path, name: str, samples: int = 5000) -> TakeRecord:
    noise = np.random.default_rng(len(name)).uniform(-0.5, 0.5, samples)
    return write_take(folder, mono(noise, 16_000), "pcm_s16le", {"key": hash_json(name), **FACTS})


@pytest.fixture
def work(tmp_path: Path) -> Path:
    return tmp_path / "takes"


def put(cache: SpeechCache, folder: Path, name: str, used: float | None = None) -> str:
    record = make(folder, name)
    cache.put(record.key, folder)
    if used is not None:
        os.utime(take_files(cache.folder / record.key[:2], record.key)[1], (used, used))
    return record.key


def test_what_goes_in_comes_out(work: Path, tmp_path: Path) -> None:
    cache = SpeechCache(DEFAULTS)
    key = put(cache, work, "one")
    assert cache.get(key, tmp_path / "out")
    assert read_take(tmp_path / "out", key) == read_take(work, key)
    assert not cache.get(hash_json("two"), tmp_path / "out")
    info = cache_info()
    assert (info.takes, info.enabled) == (1, True)
    assert info.num_bytes == sum(path.stat().st_size for path in work.iterdir())
    assert info.folder.is_relative_to(cache_folder())


def test_a_damaged_entry_is_a_miss_and_is_dropped(work: Path, tmp_path: Path) -> None:
    cache = SpeechCache(DEFAULTS)
    for number, damage in enumerate(["wav", "json", "gone"]):
        key = put(cache, work, f"take{number}")
        wav, record = take_files(cache.folder / key[:2], key)
        if damage == "wav":
            wav.write_bytes(wav.read_bytes()[:-1] + b"\x77")
        elif damage == "json":
            record.write_text('{"key": 1}')
        else:
            wav.unlink()
        assert not cache.get(key, tmp_path / "out")
        cache.put(key, work)
        assert cache.get(key, tmp_path / "out"), damage


def test_the_least_recently_used_go_first(work: Path, tmp_path: Path) -> None:
    cache = SpeechCache(DEFAULTS)
    keys = [put(cache, work, f"take{number}", used=1000.0 + number) for number in range(4)]
    assert cache.get(keys[0], tmp_path / "out"), "using it makes it the newest"
    size = cache.info().num_bytes
    freed = cache.prune(size // 2)
    assert (freed.takes, freed.num_bytes) == (2, size // 2)
    left = [cache.get(key, tmp_path / f"left{at}") for at, key in enumerate(keys)]
    assert left == [True, False, False, True]


def test_the_bound_holds_while_takes_come_in(work: Path) -> None:
    cache = SpeechCache(bounded("100k"))
    for number in range(40):
        put(cache, work, f"take{number}")
        assert cache.info().num_bytes <= 100 * 1024
    assert cache.info().takes >= 8


def test_the_bound_holds_for_processes_together(work: Path) -> None:
    one, two = SpeechCache(bounded("100k")), SpeechCache(bounded("100k"))
    for number in range(30):
        put((one, two)[number % 2], work, f"take{number}")
    assert one.info().num_bytes <= 120 * 1024


def test_a_take_larger_than_the_cache_is_not_kept(work: Path) -> None:
    cache = SpeechCache(bounded("5k"))
    put(cache, work, "one")
    assert cache.info().takes == 0


def test_disabled_it_does_nothing(work: Path, tmp_path: Path) -> None:
    key = put(SpeechCache(DEFAULTS), work, "one")
    off = SpeechCache(replace(DEFAULTS, cache=Cache(enabled=False)))
    assert not off.get(key, tmp_path / "out")
    shutil.rmtree(cache_folder())
    put(off, work, "two")
    assert not cache_folder().exists()


def test_it_may_vanish_or_be_unusable_at_any_moment(work: Path, tmp_path: Path) -> None:
    cache = SpeechCache(DEFAULTS)
    key = put(cache, work, "one")
    shutil.rmtree(cache_folder())
    assert not cache.get(key, tmp_path / "out")
    assert cache.info().takes == 0
    assert cache.prune(0).takes == 0
    assert cache.clear().takes == 0
    cache_folder().parent.mkdir(parents=True, exist_ok=True)
    cache_folder().write_text("a file where the folder should be")
    put(cache, work, "two")
    assert not cache.get(hash_json("two"), tmp_path / "out")
    assert cache.info().takes == 0


def test_leftovers_of_killed_processes_are_swept(work: Path) -> None:
    cache = SpeechCache(DEFAULTS)
    key = put(cache, work, "one")
    shelf = cache.folder / key[:2]
    old = time.time() - STALE_S - 10
    for name in (".tmp-1-x.wav", "orphan.wav", ".tmp-2-new.wav"):
        (shelf / name).write_bytes(b"x")
        if "new" not in name:
            os.utime(shelf / name, (old, old))
    cache.prune()
    left = {path.name for path in shelf.iterdir()}
    assert left == {".tmp-2-new.wav", *(path.name for path in take_files(shelf, key))}


def test_clear_removes_everything_and_older_layouts(work: Path) -> None:
    cache = SpeechCache(DEFAULTS)
    put(cache, work, "one")
    (cache.root / "v0").mkdir()
    freed = clear_cache()
    assert freed.takes == 1
    assert freed.num_bytes > 10_000
    assert not cache.root.exists()


def test_prune_takes_a_size_as_people_write_it(work: Path) -> None:
    for number in range(4):
        put(SpeechCache(DEFAULTS), work, f"take{number}")
    assert prune_cache("25k").takes == 2
    assert prune_cache().takes == 0
    with pytest.raises(UsageError, match="not a size"):
        prune_cache("many")


def test_two_processes_share_it(work: Path, tmp_path: Path) -> None:
    key = put(SpeechCache(DEFAULTS), work, "one")
    code = (
        "import sys; from pathlib import Path; from demod_voice.config.settings import DEFAULTS;"
        "from demod_voice.speech.cache import SpeechCache;"
        "sys.exit(0 if SpeechCache(DEFAULTS).get(sys.argv[1], Path(sys.argv[2])) else 9)"
    )
    root = Path(__file__).resolve().parents[2]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "backends" / "_sdk")])}
    done = subprocess.run([sys.executable, "-c", code, key, str(tmp_path / "out")], env=environ, check=False)
    assert done.returncode == 0
    assert read_take(tmp_path / "out", key) is not None
