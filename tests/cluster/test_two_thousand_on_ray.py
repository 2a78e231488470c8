"""Two thousand rows over three engines on a cluster: killed twice, a node lost, and still the files of one machine."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.batch_runs import BatchFolder, end, three_engine_rows

from .conftest import Nodes

ROWS = 2000
KILLS_AT = (500, 1300)
"""Outputs that lie there when the run is killed."""
REMOVED_AT = 1500
"""Outputs that lie there when a node is removed from the last run."""

pytestmark = pytest.mark.cluster


def test_killed_twice_and_a_node_lost_it_is_the_batch_of_one_machine(
    here: Nodes, tmp_path: Path, tiny_voice: Callable[..., str]
) -> None:
    rows = three_engine_rows(ROWS, tiny_voice())
    environ = dict(here.engines)
    calm = BatchFolder(tmp_path / "calm", ("--jobs", "2"), environ)
    made = BatchFolder(tmp_path / "ray", ("--executor", "ray", "--ray-address", here.address), environ)
    for each in (calm, made):
        each.write(rows)
    ended = calm.run(timeout_s=300)
    assert ended.code == 4, ended.error
    began = time.monotonic()
    for count in KILLS_AT:
        process = made.start()
        made.wait_for_outputs(count, process, 200)
        assert end(process).code == -signal.SIGKILL
    node = here.add()
    process = made.start()
    made.wait_for_outputs(REMOVED_AT, process, 200)
    here.remove(node)
    _, error = process.communicate(timeout=200)
    assert process.returncode == 4, error
    assert made.digest() == calm.digest()
    assert not list(made.out.rglob(".tmp-*"))
    print(f"{ROWS} rows with two kills and a lost node in {time.monotonic() - began:.1f} s")
