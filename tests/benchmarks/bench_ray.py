"""A batch on Ray: rows of one second of processor time each, on nodes of one processor: two nodes against one.

    python tests/benchmarks/bench_ray.py [--rows 64] [--runs 3]

The engine is ``tests/fakes_cluster/burner``: it computes until its thread has had one second of processor time. The nodes are
Ray's own processes on this machine, so each of them needs a free processor; the load before each run is printed. The start
of the cluster and of its actors is not measured: the clock begins when every node has spoken a row.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "backends" / "_sdk")]
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])
os.environ["DEMOD_VOICE_ENGINES__SEARCH_PATH"] = str(ROOT / "tests" / "fakes_cluster")
os.environ["DEMOD_VOICE_ENGINES__BURNER__PYTHON"] = sys.executable

from demod_voice.batch.cluster.executor import RayExecutor  # noqa: E402
from demod_voice.batch.cluster.nodes import RayOptions  # noqa: E402
from demod_voice.batch.options import BatchOptions  # noqa: E402 (the path comes first)
from demod_voice.batch.speech.task import SpeechTask  # noqa: E402
from demod_voice.batch.table.paths import places_of  # noqa: E402
from demod_voice.batch.types import Row, Unit  # noqa: E402
from demod_voice.config import load_settings  # noqa: E402

ONE_SECOND = "[[burn 1]] A row."
LIMIT = 1.5
WARM = 4
"""Rows for each node at most before all of them have spoken."""


def task_in(folder: Path) -> SpeechTask:
    """A task whose outputs go into ``folder``."""
    (folder / "jobs.csv").write_text("text,output\n")
    options, settings = BatchOptions(out_dir=folder / "out"), load_settings()
    return SpeechTask(settings, options, places_of(folder / "jobs.csv", options, settings))


def units(task: SpeechTask, text: str, count: int, first: int) -> list[Unit]:
    """So many rows as a batch plans them."""
    rows = [
        Row(n, n + 1, {"text": text, "output": f"{n:05}.wav", "engine": "burner"}) for n in range(first, first + count)
    ]
    jobs = task.plan([task.job(row) for row in rows])
    return task.units(jobs, frozenset(job.row.number for job in jobs))


def spoken(executor: RayExecutor, task: SpeechTask, asked: Sequence[Unit]) -> Iterator[str]:
    """The worker of each row."""
    for record, timing in executor.run(iter(asked), task.finish):
        if record.status != "done":
            raise SystemExit(f"row {record.number}: {record.error}")
        yield timing.worker


def measure(nodes: int, rows: int) -> float:
    """Seconds that a batch takes on so many nodes once they are warm."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
        cluster.wait_for_nodes()
        with tempfile.TemporaryDirectory() as folder, task_in(Path(folder)) as task:
            with RayExecutor(load_settings(), RayOptions(cluster.address), prepare=task.bring) as executor:
                warm: set[str] = set()
                for number in range(WARM):
                    asked = [
                        each
                        for n in range(nodes)
                        for each in units(task, "[[burn 0.2]] Warm.", 1, 10000 + 10 * number + n)
                    ]
                    warm |= {*spoken(executor, task, asked)}
                    if len(warm) == nodes:
                        break
                asked = units(task, ONE_SECOND, rows, 1)
                began = time.perf_counter()
                used = set(spoken(executor, task, asked))
                seconds = time.perf_counter() - began
                if len(used) != nodes:
                    raise SystemExit(f"{len(used)} of {nodes} nodes have spoken")
                return seconds
    finally:
        cluster.shutdown()


def main() -> int:
    """Print both, in turns, and the ratio of their medians; 1 where it is below the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    wanted = parser.parse_args()
    os.chdir(tempfile.gettempdir())
    found: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(wanted.runs):
        for nodes, seconds in found.items():
            load = os.getloadavg()[0]
            seconds.append(measure(nodes, wanted.rows))
            print(f"{nodes} nodes: {wanted.rows} rows in {seconds[-1]:.1f} s (load before: {load:.1f})", flush=True)
    one, two = (statistics.median(found[nodes]) for nodes in (1, 2))
    print(f"{os.cpu_count()} processors; medians {one:.1f} s and {two:.1f} s: two nodes are {one / two:.2f} times one")
    return 0 if one / two >= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
