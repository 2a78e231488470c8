"""What each step of the cleaning reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from demod_voice.audio.wiener import Trial
from demod_voice.config.settings import Dataset
from demod_voice.dataset.cleaning.report import Measures, StepReport
from demod_voice.dataset.cleaning.survey import OFF, NoisePlan
from demod_voice.dataset.cleaning.work import Work


def high_pass_report(settings: Dataset, offset: float) -> StepReport:
    """``offset`` is the mean of the samples that came in, full scale 1."""
    corner = settings.clean.high_pass_hz
    before = {"dc_offset": round(offset, 6)}
    return StepReport("high_pass", corner > 0.0, "" if corner else OFF, before, details={"corner_hz": corner})


def hum_report(work: Work, left_db: Sequence[float]) -> StepReport:
    """``left_db`` is what hum reads after the notches, of each window of the regions."""
    if not work.regions:
        return StepReport("hum", False, "there is none" if work.settings.clean.hum else OFF)
    worst = max(work.regions, key=lambda each: each.db)
    regions = [
        {
            "start_s": round(each.start / work.rate, 3),
            "end_s": round(each.end / work.rate, 3),
            "frequency_hz": each.frequency_hz,
            "lines": list(each.lines),
            "hum_db": each.db,
        }
        for each in work.regions
    ]
    before = {"hum_db": worst.db, "hum_hz": worst.frequency_hz}
    after = {"hum_db": round(float(np.median(left_db)), 2)} if left_db else {}
    return StepReport("hum", True, "", before, after, {"regions": regions})


def declick_report(work: Work, clicks: int, left: int) -> StepReport:
    """Clicks that were found, and that are still found after their repair."""
    if not work.settings.clean.declick:
        return StepReport("declick", False, OFF)
    minutes = max(work.sound.num_samples / work.rate / 60.0, 1e-9)
    before, after = ({"clicks_per_min": round(count / minutes, 3)} for count in (clicks, left))
    return StepReport("declick", clicks > 0, "" if clicks else "there are none", before, after, {"clicks": clicks})


def noise_report(work: Work, plan: NoisePlan, before: Measures, after: Measures) -> StepReport:
    """Where noise was taken out, by how much, and why it was not where it was not."""
    declined = Counter[str]()
    for slab, why in zip(work.slabs(), plan.against, strict=True):
        declined[why] += work.length(slab)
    applied_s = declined.pop("", 0) / work.rate
    details: dict[str, object] = {"most_db": work.settings.clean.denoise_db, "applied_s": round(applied_s, 3)}
    if declined and OFF not in declined:
        details["declined_s"] = {why: round(count / work.rate, 3) for why, count in sorted(declined.items()) if count}
    if plan.trials:
        details["trial"] = _trial(plan)
    why = max(sorted(declined), key=lambda each: declined[each]) if declined else ""
    names = ("noise_floor_dbfs", "snr_db")
    shown = [{name: each[name] for name in names if name in each} for each in (before, after)]
    return StepReport("denoise", plan.noise is not None, why, shown[0], shown[1], details)


def _trial(plan: NoisePlan) -> dict[str, float]:
    """The mean of what the trials read."""
    found = Trial.middle(plan.trials)
    return {
        "lower_db": round(found.lower_db, 2),
        "stoi_change": round(found.stoi_change, 4),
        "si_sdr_change_db": round(found.si_sdr_change_db, 2),
    }
