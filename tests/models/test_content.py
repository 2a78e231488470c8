"""What a take depends on is the content of a model, however that content is known."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.models import FILES

from demod_voice.api.models import pull_model
from demod_voice.config.folders import cache_folder
from demod_voice.models import content
from demod_voice.models.content import KEPT_FROM, content_hash
from demod_voice.records.hashing import hash_bytes
from demod_voice.speech.identity import ContentHashes

DATA = bytes(range(256)) * (KEPT_FROM // 256)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file that is large enough, and was not changed just now."""
    path = tmp_path / "large.bin"
    path.write_bytes(DATA)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is really read."""
    read: list[Path] = []

    def reading(path: Path) -> str:
        read.append(path)
        return hash_bytes(path.read_bytes())

    monkeypatch.setattr(content, "hash_file", reading)
    return read


def test_a_large_file_is_read_once_between_runs(large, reads):
    assert content_hash(large) == hash_bytes(DATA)
    assert content_hash(large) == hash_bytes(DATA)
    assert reads == [large]


def test_a_file_that_changed_is_read_again(large, reads):
    content_hash(large)
    large.write_bytes(DATA[::-1])
    os.utime(large, (1_700_000_001, 1_700_000_001))
    assert content_hash(large) == hash_bytes(DATA[::-1])
    assert len(reads) == 2


def test_a_file_that_changed_just_now_is_not_believed_later(large, reads):
    os.utime(large, ns=(time.time_ns(), time.time_ns()))
    assert content_hash(large) == content_hash(large)
    assert len(reads) == 2


def test_a_damaged_note_is_ignored(large, reads):
    content_hash(large)
    (note,) = (cache_folder() / "hashes").iterdir()
    for text in ("{", "[]", json.dumps({"path": str(large)})):
        note.write_text(text)
        assert content_hash(large) == hash_bytes(DATA)
    assert len(reads) == 4


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(large, reads):
    cache_folder().parent.mkdir(parents=True, exist_ok=True)
    cache_folder().write_text("a file is in the way")
    assert content_hash(large) == hash_bytes(DATA)


def test_many_at_once_agree(large):
    code = (
        "import sys; from pathlib import Path; from demod_voice.models.content import content_hash\n"
        "print(content_hash(Path(sys.argv[1])))"
    )
    root = Path(__file__).resolve().parents[2]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), str(root / "backends/_sdk")])}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(large)], env=environ, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert {each.communicate()[0].strip() for each in running} == {hash_bytes(DATA)}


def test_a_pulled_model_is_known_by_its_record(settings, hub, reads):
    hub.files["someone/tiny"]["weights.bin"] = DATA
    model, _ = pull_model("tiny", settings=settings)
    weights = model.folder / "weights.bin"
    assert content_hash(weights) == hash_bytes(DATA)
    assert reads == []
    os.utime(weights, (1_700_000_000, 1_700_000_000))
    assert content_hash(weights) == hash_bytes(DATA)
    assert reads == [weights]


def test_the_identity_of_a_model_is_its_content_pulled_or_by_hand(settings, tmp_path):
    model, _ = pull_model("tiny", settings=settings)
    by_hand = tmp_path / "by hand"
    for path, data in FILES["someone/tiny"].items():
        (by_hand / path).parent.mkdir(parents=True, exist_ok=True)
        (by_hand / path).write_bytes(data)
    hashes = ContentHashes()
    assert hashes.of_path(str(model.folder)) == hashes.of_path(str(by_hand))
    (by_hand / "weights.bin").write_bytes(b"other")
    assert ContentHashes().of_path(str(by_hand)) != hashes.of_path(str(model.folder))


def test_a_model_json_of_another_program_is_part_of_the_model(tmp_path):
    (tmp_path / "weights.bin").write_bytes(b"w")
    before = ContentHashes().of_path(str(tmp_path))
    (tmp_path / "model.json").write_text('{"layers": 3}')
    assert ContentHashes().of_path(str(tmp_path)) != before
