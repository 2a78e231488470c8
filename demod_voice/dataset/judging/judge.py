"""Whether a segment is fit for training: one gate for each threshold, from its stored measures alone.

``dataset rejudge`` needs no sound for it. A measure that could not be taken (None) never rejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from demod_voice.config.settings import Gates

SHORT_SCRIPTS = {"zh": 3.0, "yue": 3.0, "ja": 2.0, "ko": 2.5, "am": 2.0, "th": 1.3}
"""Language -> letters of the Latin script that one of its own stands for: its limits of characters a second are so many
times lower. Rough, set by hand: the limits are wide."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a segment has to pass."""

    name: str
    """In ``reasons``; stable."""
    measure: str
    """Key of ``qc``; empty = it looks at something else."""
    lowest: str = ""
    """Setting under ``dataset.gates`` that the measure may not be under; empty = none."""
    highest: str = ""
    """Setting that the measure may not be over; empty = none."""
    sentence: str = ""
    """What is wrong with a segment that does not pass, for people."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Its settings, by their whole names."""
        return tuple(f"dataset.gates.{each}" for each in (self.lowest, self.highest) if each)


GATES: tuple[Gate, ...] = (
    Gate("rms", "rms_dbfs", lowest="rms_floor_dbfs", sentence="The speech is too soft."),
    Gate("snr", "snr_db", lowest="snr_min_db", sentence="The noise is too near the speech."),
    Gate("clipping", "clipping_ratio", highest="clipping_ratio_max", sentence="The recording is clipped."),
    Gate("hum", "hum_db", highest="hum_max_db", sentence="Mains hum is heard."),
    Gate("plosives", "plosive_ratio", highest="plosive_ratio_max", sentence="Breath pops on the microphone."),
    Gate("bandwidth", "bandwidth_hz", lowest="bandwidth_min_hz", sentence="The high frequencies are missing."),
    Gate("silence", "silence_ratio", highest="silence_ratio_max", sentence="Too little of it is speech."),
    Gate("dc", "dc_offset", highest="dc_offset_max", sentence="The recording is shifted off zero."),
    Gate("reverb", "reverb_s", highest="reverb_max_s", sentence="The room echoes."),
    Gate(
        "text", "chars_per_s", "chars_per_s_min", "chars_per_s_max", "The text does not fit the speech, or is missing."
    ),
    Gate(
        "alignment",
        "unheard_ratio",
        highest="unheard_ratio_max",
        sentence="Words of the transcript were not heard where they should be.",
    ),
    Gate("speaker", "", lowest="speaker_score_min", sentence="It is not the speaker that was asked for."),
)
"""Every gate, in the order of the reasons."""


def reasons(
    qc: Mapping[str, Any],
    gates: Gates,
    *,
    has_text: bool,
    speaker_score: float | None = None,
    speaker_threshold: float | None = None,
    language: str = "",
) -> tuple[str, ...]:
    """Names of the gates that a segment does not pass; empty = it is fit.

    Args:
        qc: its measures (``measures.MEASURES``).
        gates: the thresholds.
        has_text: the dataset has texts, so a segment without one is unfit.
        speaker_score: similarity to the target speaker; None = nobody was asked for.
        speaker_threshold: the embedding model's own; ``speaker_score_min`` wins unless it is 0.
        language: of the text (BCP 47), for the characters a second.
    """
    found = {each.name for each in GATES if each.measure and each.name != "text" and _outside(each, qc, gates)}
    if has_text and _text_is_odd(qc, gates, language):
        found.add("text")
    threshold = gates.speaker_score_min or speaker_threshold
    if speaker_score is not None and threshold is not None and speaker_score < threshold:
        found.add("speaker")
    return tuple(each.name for each in GATES if each.name in found)


def _outside(gate: Gate, qc: Mapping[str, Any], gates: Gates, scale: float = 1.0) -> bool:
    """True when the measure is known and beyond a limit; a DC offset counts by its size."""
    value = qc.get(gate.measure)
    if value is None:
        return False
    size = abs(value) if gate.name == "dc" else value
    too_low = bool(gate.lowest) and size < getattr(gates, gate.lowest) / scale
    return too_low or (bool(gate.highest) and size > getattr(gates, gate.highest) / scale)


def _text_is_odd(qc: Mapping[str, Any], gates: Gates, language: str) -> bool:
    """No text at all, or one of a length that nobody says in this time; without speech nobody can tell."""
    if qc.get("chars_per_s") is None:
        return bool(qc.get("speech_s", 1.0))
    gate = next(each for each in GATES if each.name == "text")
    return _outside(gate, qc, gates, SHORT_SCRIPTS.get(language.partition("-")[0].lower(), 1.0))
