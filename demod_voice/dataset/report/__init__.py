"""A dataset's page: one HTML file with its numbers, charts, pictures of its sound, and everything a person should know."""

from __future__ import annotations

from demod_voice.dataset.report.page import write_report

__all__ = ["write_report"]
