"""The ledger of finished work: what was committed is there after a kill, in whatever state the file is."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demod_voice.errors import OutputError
from demod_voice.records import boots
from demod_voice.records.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def test_what_is_put_is_found_before_and_after_it_is_on_the_disk(tmp_path: Path) -> None:
    with Ledger(tmp_path / "rows.sqlite") as ledger:
        ledger.put(key(1), {"status": "done", "audio_s": 1.5})
        assert ledger.get(key(1)).value == {"status": "done", "audio_s": 1.5}
        assert ledger.get(key(2)) is None
    with Ledger(tmp_path / "rows.sqlite") as ledger:
        assert ledger.get(key(1)).value == {"status": "done", "audio_s": 1.5}


def test_a_later_entry_replaces_an_earlier_one(tmp_path: Path) -> None:
    for status in ("failed", "done"):
        with Ledger(tmp_path / "rows.sqlite") as ledger:
            ledger.put(key(1), {"status": status})
    with Ledger(tmp_path / "rows.sqlite") as ledger:
        assert ledger.get(key(1)).value == {"status": "done"}


def test_only_entries_of_this_start_of_the_machine_are_trusted(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    with Ledger(path, boot="first") as ledger:
        ledger.put(key(1), {})
    with Ledger(path, boot="second") as ledger:
        ledger.put(key(2), {})
        assert not ledger.get(key(1)).trusted
        assert ledger.get(key(2)).trusted
    with Ledger(path, boot="second") as ledger:
        assert ledger.get(key(2)).trusted
    with Ledger(path, boot="") as ledger:
        ledger.put(key(3), {})
        assert not ledger.get(key(3)).trusted
        assert not ledger.get(key(2)).trusted


@pytest.mark.skipif(not boots.BOOT_ID.exists(), reason="Linux says which start this is")
def test_this_start_of_the_machine_has_a_name() -> None:
    assert boots.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip() != ""


def test_the_disk_is_waited_for_at_most_once_a_second(tmp_path: Path) -> None:
    log = tmp_path / "rows.sqlite-wal"
    with Ledger(tmp_path / "rows.sqlite") as ledger:
        ledger.commit()
        before = log.stat().st_mtime_ns
        for number in range(1000):
            ledger.put(key(number), {"status": "done"})
        assert log.stat().st_mtime_ns == before
        time.sleep(1.01)
        ledger.tick()
        assert log.stat().st_mtime_ns > before


def test_a_kill_loses_what_was_not_committed_and_nothing_else(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from demod_voice.records.ledger import Ledger\n"
        "ledger = Ledger(Path(sys.argv[1]))\n"
        "for number in range(300): ledger.put(f'{number:064x}', {'number': number})\n"
        "ledger.commit()\n"
        "for number in range(300, 400): ledger.put(f'{number:064x}', {'number': number})\n"
        "print('ready', flush=True); import time; time.sleep(60)\n"
    )
    path = os.pathsep.join([str(ROOT), str(ROOT / "backends" / "_sdk")])
    command = [sys.executable, "-c", program, str(tmp_path / "rows.sqlite")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with Ledger(tmp_path / "rows.sqlite") as ledger:
        found = [number for number in range(400) if ledger.get(f"{number:064x}") is not None]
    assert found == list(range(300))


@pytest.mark.parametrize("damage", [b"no database", b"\0" * 8192, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_file_is_moved_aside_and_told(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "rows.sqlite"
    path.write_bytes(damage)
    told: list[str] = []
    with Ledger(path, told.append) as ledger:
        assert ledger.get(key(1)) is None
        ledger.put(key(1), {"status": "done"})
    assert "damaged" in told[0]
    assert "done again" in told[0]
    assert path.with_name("rows.sqlite.damaged-1").read_bytes() == damage
    with Ledger(path, told.append) as ledger:
        assert ledger.get(key(1)).value == {"status": "done"}
    assert len(told) == 1


def test_a_page_that_is_damaged_in_the_middle_is_noticed_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    with Ledger(path) as ledger:
        for number in range(3000):
            ledger.put(key(number), {"status": "done", "number": number})
    with path.open("r+b") as file:
        file.seek(4096 * 4)
        file.write(b"\xff" * (path.stat().st_size - 4096 * 4))
    told: list[str] = []
    with Ledger(path, told.append) as ledger:
        found = [ledger.get(key(number)) for number in range(3000)]
        ledger.put(key(1), {"again": True})
        assert ledger.get(key(1)).value == {"again": True}
    assert None in found
    assert len(told) == 1


def test_a_file_of_another_version_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version=7")
    other.close()
    told: list[str] = []
    Ledger(path, told.append).close()
    assert len(told) == 1


def test_a_full_disk_is_one_error_and_what_was_committed_is_kept(small_disk) -> None:
    disk = small_disk(1)
    ledger = Ledger(disk / "rows.sqlite")
    ledger.put(key(0), {"status": "done"})
    ledger.commit()
    (disk / "filler").write_bytes(b"x" * 600_000)
    with pytest.raises(OutputError, match="the disk is full") as caught:
        for number in range(1, 100):
            ledger.put(key(number), {"text": "x" * 20_000})
            ledger.commit()
    assert isinstance(caught.value.__cause__, OSError)
    (disk / "filler").unlink()
    ledger.close()
    with Ledger(disk / "rows.sqlite") as ledger:
        assert ledger.get(key(0)).value == {"status": "done"}


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        Ledger(tmp_path / "none" / "rows.sqlite")


def test_a_file_that_another_program_holds_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.sqlite"
    Ledger(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OutputError, match="open in another program"):
        Ledger(path)
    other.close()


def test_what_was_finished_before_the_disk_was_full_is_written_into_room_that_was_held_back(small_disk) -> None:
    disk = small_disk(1)
    ledger = Ledger(disk / "rows.sqlite")
    for number in range(50):
        ledger.put(key(number), {"status": "done"})
    with pytest.raises(OSError, match="No space"):
        (disk / "filler").write_bytes(b"x" * 2_000_000)
    ledger.close()
    assert not list(disk.glob("*.reserve"))
    with Ledger(disk / "rows.sqlite") as ledger:
        assert all(ledger.get(key(number)) for number in range(50))
