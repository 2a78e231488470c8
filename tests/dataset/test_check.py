"""``dataset check``: a sound dataset has no finding, and each kind of damage is found, named, and nothing else is."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.datasets import clip_of, make_dataset

from demod_voice.audio.clip import Clip
from demod_voice.config.settings import DEFAULTS
from demod_voice.dataset.check import check_dataset
from demod_voice.dataset.fingerprints import fingerprint
from demod_voice.dataset.findings import require_sound
from demod_voice.dataset.store import Dataset
from demod_voice.errors import QualityError, UsageError
from demod_voice.formats.dataset_manifest import Manifest, Segment
from demod_voice.media.encode import encode_file
from demod_voice.media.wav import read_wav, write_wav


def kinds(dataset: Dataset) -> set[tuple[str, str]]:
    return {(each.severity, each.kind) for each in check_dataset(dataset.path).findings}


def change(dataset: Dataset, edit: Callable[[Manifest], Manifest]) -> None:
    with Dataset.writing(dataset.path) as opened:
        opened.commit(edit(opened.manifest()), "test")


def with_segment(manifest: Manifest, number: int, **values: object) -> Manifest:
    rows = list(manifest.segments)
    rows[number] = replace(rows[number], **values)
    return replace(manifest, segments=tuple(rows))


def test_a_sound_dataset_has_no_finding(dataset):
    report = check_dataset(dataset.path)
    assert report.findings == ()
    assert (report.clips, report.recordings) == (12, 3)
    assert report.duration_s == pytest.approx(12.0)
    require_sound(report)
