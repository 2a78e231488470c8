"""A browser for all tests of a process; skipped where there is none."""

from __future__ import annotations

import pytest
from support.browser import Browser, find_browser


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory):
    """A headless Chromium."""
    binary = find_browser()
    if binary is None:
        pytest.skip("no Chromium is installed (TEST_BROWSER may name one)")
    with Browser(binary, tmp_path_factory.mktemp("browser")) as found:
        yield found
