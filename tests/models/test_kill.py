"""A pull that is killed goes on; two at once, and a signal in the middle, leave nothing half there."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from support.models import BIG, FILES

from demod_voice.api.models import pull_model, verify_model


def came(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.name != "pull.json")


def wait_for(folder: Path, num_bytes: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if folder.is_dir() and came(folder) >= num_bytes:
            return
        time.sleep(0.005)
    raise AssertionError(f"{num_bytes} bytes never came")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda each: each.name)
def test_a_pull_that_is_ended_goes_on_and_fetches_little_twice(program, settings, hub, models, number):
    hub.behaviour.pause_s = 0.02
    running = program("models", "pull", "tiny", "--progress", "json")
    wait_for(models / ".partial-tiny", 1_200_000)
    running.send_signal(number)
    _, err = running.communicate(timeout=20)
    assert running.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    assert not (models / "tiny").exists()
    assert json.loads(err.splitlines()[0])
    hub.behaviour.pause_s = 0.0
    again = program("models", "pull", "tiny")
    assert again.wait(timeout=30) == 0
    assert hub.sent["weights.bin"] < len(BIG) + 600_000  # what was on its way when it was killed, nothing more
    assert any(asked.startswith("bytes=") for path, asked, _ in hub.asked if path == "weights.bin")
    assert {each.status for each in verify_model("tiny", settings=settings)} == {"ok"}
    assert [path.name for path in models.iterdir() if path.is_dir()] == ["tiny"]


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.001, 0.1, 0.3, 0.5, 0.7, 0.85, 0.92, 0.97])
def test_killed_anywhere_the_model_is_the_same(program, settings, hub, models, share):
    total = sum(map(len, FILES["someone/tiny"].values()))
    hub.behaviour.pause_s, hub.behaviour.pace = 0.01, 1 << 15
    running = program("models", "pull", "tiny")
    wait_for(models / ".partial-tiny", int(share * total))
    running.kill()
    running.communicate()
    model, pulled = pull_model("tiny", settings=settings)
    assert pulled
    assert {each.path: (model.folder / each.path).read_bytes() for each in model.record.files} == FILES["someone/tiny"]
    assert hub.sent["weights.bin"] <= len(BIG) + 700_000
    assert [path.name for path in models.iterdir() if path.is_dir()] == ["tiny"]


@pytest.mark.slow
def test_two_processes_at_once_fetch_it_once(program, hub):
    hub.behaviour.pause_s = 0.02
    both = [program("models", "pull", "tiny") for _ in range(2)]
    said = [each.communicate(timeout=60) for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert hub.sent["weights.bin"] == len(BIG)
    assert sum("waiting: another process" in err for _, err in said) <= 1
