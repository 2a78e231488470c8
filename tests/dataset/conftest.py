"""Datasets of a few seeded clips, and what the tests of keeping them share."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.datasets import make_dataset

from demod_voice.dataset.store import Dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three recordings of four segments: train, val, test."""
    return make_dataset(tmp_path / "data", quarantined=1, anchors=2)
