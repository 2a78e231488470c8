"""Pronunciation lexicons: check one, and see where it applies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from demod_voice.config.settings import DEFAULTS, Settings
from demod_voice.episode.lexicons import Hit, LexiconReport
from demod_voice.episode.lexicons import check_lexicon as _check

__all__ = ["Hit", "LexiconReport", "check_lexicon"]


def check_lexicon(
    lexicon: str | Path, scripts: Sequence[str | Path] = (), *, settings: Settings = DEFAULTS
) -> LexiconReport:
    """Read a lexicon, and look where it applies in scripts; nothing is spoken.

    Raises:
        UsageError: every fault of the lexicon, or of a script, at once.
    """
    return _check(Path(lexicon), [Path(each) for each in scripts], settings)
