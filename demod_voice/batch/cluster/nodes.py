"""The cluster that a batch runs on: is Ray there, which cluster is meant, how many actors it has room for."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from demod_voice.config.gpu_spec import parse_gpus
from demod_voice.config.settings import Settings
from demod_voice.errors import EngineError, UsageError

CPU, GPU = "cpu", "gpu"
"""Kinds of actors."""
ADDRESS = "RAY_ADDRESS"
OWN = "local"
"""Address of a cluster that is started on this machine for this batch."""
ANSWER_S = 10.0
"""So long the head of a cluster may take to answer."""
CLIENT = "ray://"
"""Ray's remote client, which cannot stream results."""


@dataclass(frozen=True, slots=True)
class RayOptions:
    """What the command line says of the cluster."""

    address: str = ""
    """As Ray takes it (``auto``, ``host:6379``); empty = ``RAY_ADDRESS``, else a cluster of its own on this machine."""
    verbose: bool = False
    """What Ray's processes say is shown."""


def check_ray(settings: Settings, options: RayOptions, task: str = "speech") -> None:
    """Find out before any work whether a batch can run on Ray. Starts nothing.

    Raises:
        UsageError: it is an episode task, Ray is not installed, or a share or the address is impossible.
    """
    if task != "speech":
        raise UsageError(
            f"--executor ray cannot do --task {task}: an episode is rendered on one machine", "leave it out"
        )
    if options.address.startswith(CLIENT) or (not options.address and os.environ.get(ADDRESS, "").startswith(CLIENT)):
        raise UsageError(
            f"--ray-address {options.address or os.environ[ADDRESS]}: Ray's client does not stream results",
            "run the batch on a machine of the cluster (ray start --address=HOST:6379 --num-cpus=0), with --ray-address auto",
        )
    gpus = settings.batch.ray.gpus
    if gpus > 1 and gpus != int(gpus):
        raise UsageError(f"batch.ray.gpus {gpus:g}: above 1, Ray gives whole GPUs", "give 0.5, 1, 2 ...")
    imported()


def imported() -> Any:
    """The module ``ray``.

    Raises:
        UsageError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of this program reports to anybody
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # a thread that comes too late must not start a cluster
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "--executor ray needs Ray, which is not installed here",
            "in a clone: DEMOD_VOICE_EXTRAS=ray demod-voice batch run ...; with pip: pip install 'demod-voice[ray]'",
        ) from error
    return ray


class Cluster:
    """A connection to a cluster, for the length of a ``with`` block.

    Args:
        settings: shares, jobs, device.
        options: which cluster.
    """

    def __init__(self, settings: Settings, options: RayOptions) -> None:
        check_ray(settings, options)
        self.ray = imported()
        self._settings = settings
        self._options = options
        self._ours = False

    def __enter__(self) -> Cluster:
        if not self.ray.is_initialized():
            self._connect()
            self._ours = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self.ray.shutdown()

    @property
    def address(self) -> str:
        """Which cluster it is."""
        return self._options.address or os.environ.get(ADDRESS, "") or OWN

    def share(self, kind: str) -> Mapping[str, float]:
        """What one actor takes, by Ray's names."""
        return {"GPU": self._settings.batch.ray.gpus} if kind == GPU else {"CPU": self._settings.batch.ray.cpus}

    def nodes(self) -> Sequence[Mapping[str, Any]]:
        """The nodes that live."""
        return [node for node in self.ray.nodes() if node["Alive"]]

    def room(self, kind: str) -> int:
        """How many actors of a kind fit on the nodes that live, were they empty."""
        share = self.share(kind)
        fits = [
            [int(node["Resources"].get(name, 0.0) / part + 1e-6) for name, part in share.items()]
            for node in self.nodes()
        ]
        return sum(min(each) for each in fits)

    def kind_of(self, on_gpu: bool) -> str:
        """Which actors speak for an engine.

        Args:
            on_gpu: it computes on a GPU where there is one.

        Raises:
            UsageError: a GPU is asked for by name, and no node has one.
        """
        settings = self._settings
        if not on_gpu or settings.device == "cpu" or parse_gpus(settings.gpu.use).nothing:
            return CPU
        if self.room(GPU):
            return GPU
        if settings.device != "auto":
            raise UsageError(
                f"device {settings.device}: no node of the Ray cluster has a GPU",
                "use auto or cpu, or ray start --num-gpus",
            )
        return CPU

    def _connect(self) -> None:
        level = logging.INFO if self._options.verbose else logging.ERROR
        asked: dict[str, Any] = {"log_to_driver": self._options.verbose, "logging_level": level}
        if self.address == OWN:
            asked |= {"num_cpus": self._settings.jobs or None, "include_dashboard": False}
        else:
            _check_there(self.address)
        restore = _kept_signals()
        try:
            self.ray.init(address=self.address, **asked)
        except Exception as error:
            with suppress(Exception):
                self.ray.shutdown()
            raise _refused(self.address, error) from error
        finally:
            restore()


def _check_there(address: str) -> None:
    """Ray asks an address that nobody answers at for many minutes.

    Raises:
        EngineError: nothing listens there.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _refused(address, error) from error


def _refused(address: str, error: Exception) -> EngineError:
    what = str(error).strip().splitlines() or [type(error).__name__]
    if address == OWN:
        return EngineError(
            f"Ray does not start on this machine: {what[0]}", "see its logs in /tmp/ray/session_latest/logs"
        )
    return EngineError(
        f"the Ray cluster {address} cannot be joined: {what[0]}",
        "this machine must be one of its nodes (ray start --address=HOST:6379), with the same Ray, Python and token",
    )


def _kept_signals() -> Callable[[], None]:
    """Ray takes SIGTERM for itself; what gives it back."""
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    before = signal.getsignal(signal.SIGTERM)

    def restore() -> None:
        signal.signal(signal.SIGTERM, before)

    return restore
