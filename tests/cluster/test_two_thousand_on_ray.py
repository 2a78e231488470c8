"""Two thousand rows over three engines on a cluster of three nodes, killed twice, equal to one undisturbed machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.batch_runs import BatchFolder, end, three_engine_rows

from .conftest import Nodes

pytestmark = pytest.mark.cluster
ROWS = 2000
KILLS_AT = (400, 1200)
"""Outputs that lie there when the head is killed."""


def test_killed_twice_on_a_cluster_and_equal_to_one_machine(
    here: Nodes, tmp_path: Path, tiny_voice: Callable[[], str]
) -> None:
    rows = three_engine_rows(ROWS, tiny_voice())
    calm = BatchFolder(tmp_path / "calm", ("--jobs", "2"))
    made = BatchFolder(tmp_path / "killed", ("--executor", "ray", "--ray-address", here.address))
    for each in (calm, made):
        each.write(rows)
    ended = calm.run(timeout_s=600)
    assert ended.code == 4, ended.error
    began = time.monotonic()
    for count in KILLS_AT:
        process = made.start()
        made.wait_for_outputs(count, process, 300)
        assert end(process).code == -signal.SIGKILL
    ended = made.run(timeout_s=600)
    assert ended.code == 4, ended.error
    assert made.digest() == calm.digest()
    assert not list(made.out.rglob(".tmp-*"))
    print(f"{ROWS} rows on three nodes, with two kills: {time.monotonic() - began:.1f} s")
