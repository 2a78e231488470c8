"""What runs on a node of the cluster: one actor, with warm workers for every engine that it is asked for."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import demod_voice
from demod_voice.batch.cluster.inputs import Scratch
from demod_voice.batch.cluster.units import Answer, Note, SentUnit, Unfit, answer_of, paths_of, unpacked
from demod_voice.batch.speech.speaking import speak_unit
from demod_voice.batch.types import Unit
from demod_voice.config import load_settings
from demod_voice.config.settings import EngineSettings, Gpu, Settings
from demod_voice.engines.strikes import BATCH_STRIKES
from demod_voice.engines.types import EngineInfo
from demod_voice.errors import DemodError, EngineNotInstalled, EngineStartFailed, LicenceRequired
from demod_voice.records.progress import Silent
from demod_voice.speech.studio import Studio

NODE_IS_UNFIT = (EngineNotInstalled, EngineStartFailed, LicenceRequired)
"""Failures to load a model that say something about the node, and nothing about the rows."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What an actor says of where it is."""

    version: str
    """Of demod-voice."""
    host: str
    node: str
    """Ray's id of it."""
    python: str


class Notes(Silent):
    """Keeps what a person should see until the actor has something to say."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def note(self, message: str) -> None:
        """Keep a line."""
        self._told.append(message)

    def taken(self) -> Iterator[Note]:
        """Every line since the last time."""
        while self._told:
            yield Note(self._told.pop(0))


class EngineActor:
    """Speaks units, one after the other. Its methods are called through Ray.

    Args:
        batch: names the batch, and with it the folder that the actors of a node share.
    """

    def __init__(self, batch: str) -> None:
        self._batch = batch
        self._notes = Notes()
        self._stack = ExitStack()
        self._studio: Studio | None = None
        self._scratch: Scratch | None = None
        self._host = socket.gethostname()
        self._fit: set[str] = set()

    def hello(self) -> NodeFacts:
        """Where this is."""
        import ray

        python = ".".join(map(str, sys.version_info[:3]))
        return NodeFacts(demod_voice.__version__, self._host, ray.get_runtime_context().get_node_id(), python)

    def begin(self, settings: Settings, on_gpu: bool) -> Unfit | None:
        """Take the settings that are heard from the machine that was asked, and those of places from this one.

        Args:
            settings: of the machine that was asked.
            on_gpu: Ray has given this actor a GPU, or a share of one.

        Returns:
            Why nothing can be done here, as a settings file that is wrong; None where all is well.
        """
        try:
            own = node_settings(settings, load_settings(), on_gpu)
            self._scratch = Scratch(self._batch)
            self._stack.callback(self._scratch.close)
            self._studio = self._stack.enter_context(Studio(own, progress=self._notes, most_strikes=BATCH_STRIKES))
        except DemodError as error:
            return Unfit(f"node {self._host}: {error.message}", error.hint or "", type(error).__name__)
        return None

    def speak(self, sent: SentUnit) -> Iterator[Answer | Note | Unfit]:
        """Each wanted row as soon as it is ready; or what makes this node unfit for it."""
        try:
            unit = self._unit(sent)
        except _Unfit as found:
            yield from self._notes.taken()
            yield found.unfit
            return
        for outcome in speak_unit(self._open, unit):
            yield from self._notes.taken()
            yield answer_of(replace(outcome, worker=f"{self._host}:{os.getpid()}"))
        yield from self._notes.taken()

    def close(self) -> None:
        """End the workers, whatever they do, and remove what was kept here. Called beside a ``speak`` that is at work."""
        if self._studio is not None:
            self._studio.pool.close(at_once=True)
        self._stack.close()

    @property
    def _open(self) -> Studio:
        if self._studio is None:
            raise ValueError("the actor was not told to begin")
        return self._studio

    def _unit(self, sent: SentUnit) -> Unit:
        """What was sent, with this node's engine and files, once it is sure that it is spoken here as it is there.

        Raises:
            _Unfit: it is not.
        """
        info = self._engine(sent)
        unit = unpacked(sent, info, self._places(sent))
        for row, job in zip(sent.rows, unit.jobs, strict=True):
            for asked, line in zip(row.lines, job.lines, strict=True):
                if asked.key and self._open.key(line.job) != asked.key:
                    raise _Unfit(
                        f"node {self._host} would speak row {row.number} from other inputs than this machine",
                        "install the same versions of demod-voice, its packages and its engines everywhere",
                        fatal=True,
                    )
        return unit

    def _places(self, sent: SentUnit) -> Mapping[str, Path]:
        import ray

        if self._scratch is None:
            raise ValueError("the actor was not told to begin")
        try:
            return {path: self._scratch.place(sent.trees[path], sent.parts, ray.get) for path in {*paths_of(sent)}}
        except DemodError as error:
            raise _Unfit(f"node {self._host}: {error.message}", error.hint or "", type(error).__name__) from error
        except ray.exceptions.RayError as error:
            message = f"node {self._host}: the files of a voice do not come: {str(error).splitlines()[0]}"
            raise _Unfit(message, "see Ray's logs there; its object store needs room") from error

    def _engine(self, sent: SentUnit) -> EngineInfo:
        """The engine, once it has started here.

        Raises:
            _Unfit: it is not here, is another version, or does not start.
        """
        try:
            info = self._open.pool.info(sent.engine)
            if info.output_version != sent.output_version:
                raise _Unfit(
                    f"engine {info.name} of node {self._host} has output version {info.output_version}, "
                    f"that of this machine {sent.output_version}",
                    "install the same version of demod-voice everywhere",
                    fatal=True,
                )
            if info.name not in self._fit:
                self._open.pool.probe(info.name)
                self._fit.add(info.name)
        except NODE_IS_UNFIT as error:
            install = f"on that node: demod-voice engines install {sent.engine}"
            hint = install if isinstance(error, EngineNotInstalled) else error.hint or install
            raise _Unfit(f"node {self._host}: {error.message}", hint, type(error).__name__) from error
        return info


class _Unfit(Exception):
    """Carries an ``Unfit`` to where it is told."""

    def __init__(self, message: str, hint: str = "", kind: str = "EngineError", fatal: bool = False) -> None:
        super().__init__(message)
        self.unfit = Unfit(message, hint, kind, fatal)


def node_settings(asked: Settings, here: Settings, on_gpu: bool) -> Settings:
    """What an actor works with: all that is heard as it was asked for, all that names a place as it is on this node.

    Args:
        asked: of the machine that was asked.
        here: of this node.
        on_gpu: engines may compute on the GPUs that Ray shows to this process.
    """
    named = {name: _named(asked, here, name) for name in {*asked.engines.named, *here.engines.named}}
    engines = replace(
        asked.engines,
        search_path=here.engines.search_path,
        shared=here.engines.shared,
        idle_s=here.engines.idle_s,
        named=named,
    )
    gpu = replace(here.gpu, use="all", exclude="", cpu_fallback=asked.gpu.cpu_fallback) if on_gpu else Gpu()
    return replace(
        asked,
        device="auto" if on_gpu else "cpu",
        engines=engines,
        gpu=gpu,
        models=here.models,
        cache=replace(here.cache, enabled=asked.cache.enabled),
        paths=here.paths,
    )


def _named(asked: Settings, here: Settings, name: str) -> EngineSettings:
    own = here.engines.named.get(name, EngineSettings())
    return replace(asked.engines.named.get(name, EngineSettings()), python=own.python, model=own.model)
