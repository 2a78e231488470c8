"""A script in the test's folder."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def write_script(tmp_path: Path):
    """Write a script into the test's folder and return its path."""

    def write(text: str, name: str = "show.md") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write
