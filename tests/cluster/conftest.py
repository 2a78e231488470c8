"""A cluster of three nodes of one processor each, on this machine; every node has a home of its own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from demod_voice.batch.cluster.executor import RayExecutor
from demod_voice.batch.cluster.nodes import RayOptions
from demod_voice.batch.options import BatchOptions
from demod_voice.batch.speech.task import SpeechTask
from demod_voice.batch.table.paths import places_of
from demod_voice.config import load_settings

ROOT = Path(__file__).resolve().parents[2]
FAKES = tuple(ROOT / "tests" / name for name in ("fakes", "fakes_cluster"))
PATHS = (ROOT, ROOT / "backends" / "_sdk")


@dataclass
class Nodes:
    """The cluster, and what its nodes' variables are."""

    cluster: Any
    folder: Path
    engines: dict[str, str]
    count: int = 0

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def environ(self, **changes: str) -> dict[str, str]:
        """The variables of one more node: empty folders, its own TMPDIR, the engines that are given to it."""
        self.count += 1
        home = self.folder / f"n{self.count}"
        (home / "t").mkdir(parents=True)
        own = {f"XDG_{each}_HOME": str(home / each.lower()) for each in ("CONFIG", "DATA", "CACHE", "STATE")}
        paths = os.pathsep.join(map(str, PATHS))
        return {"HOME": str(home), "TMPDIR": str(home / "t"), "PYTHONPATH": paths, **own, **self.engines, **changes}

    def add(self, **changes: str) -> Any:
        """One more node of one processor."""
        node = self.cluster.add_node(num_cpus=1, object_store_memory=100 << 20, env_vars=self.environ(**changes))
        self.cluster.wait_for_nodes()
        return node

    def remove(self, node: Any) -> None:
        """Take a node away at once, with all that runs on it."""
        self.cluster.remove_node(node, allow_graceful=False)

    def left_behind(self) -> list[str]:
        """What the three nodes keep in their folders for temporary files."""
        return [path.name for path in self.folder.glob("n[123]/t/demod-voice-*")]


@pytest.fixture(scope="session")
def nodes(engine_python: Callable[[str], Path]) -> Iterator[Nodes]:
    """Three nodes. The first one is also where Ray's own services run; tests join it."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    folder = Path(tempfile.mkdtemp(prefix="dvr-"))  # Ray's sockets want short paths
    engines = {
        "DEMOD_VOICE_ENGINES__SEARCH_PATH": f"[{', '.join(map(str, FAKES))}]",
        "DEMOD_VOICE_ENGINES__BURNER__PYTHON": sys.executable,
        "DEMOD_VOICE_ENGINES__FAKE__PYTHON": sys.executable,
        "DEMOD_VOICE_ENGINES__ESPEAK__PYTHON": str(engine_python("espeak")),
        "DEMOD_VOICE_ENGINES__PIPER__PYTHON": str(engine_python("piper")),
    }
    made = Nodes(None, folder, engines)
    made.cluster = Cluster()
    try:
        for _ in range(3):
            made.add()
        yield made
    finally:
        made.cluster.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def here(nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """The cluster, and its engines on this machine, too.

    A node's workers find what lies in the folder that a batch is started in, so that is an empty one.
    """
    monkeypatch.chdir(nodes.folder)
    for name, value in nodes.engines.items():
        monkeypatch.setenv(name, value)
    return nodes


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., SpeechTask]:
    """Make a task whose outputs go to ``tmp_path/NAME``."""
    (tmp_path / "jobs.csv").write_text("text,output\n")

    def task(out: str, **options: Any) -> SpeechTask:
        chosen = BatchOptions(out_dir=tmp_path / out, **options)
        settings = load_settings()
        return SpeechTask(settings, chosen, places_of(tmp_path / "jobs.csv", chosen, settings))

    return task


@pytest.fixture
def executor(here: Nodes) -> Callable[..., RayExecutor]:
    """An executor on the cluster."""

    def make_executor(task: SpeechTask | None = None, progress: Any = None, **flags: Any) -> RayExecutor:
        more = {"progress": progress} if progress is not None else {}
        if task is not None:
            more["prepare"] = task.bring
        return RayExecutor(load_settings(**flags), RayOptions(here.address), **more)

    return make_executor
