"""The documented Python surface. The command line and the web server use only this.

Every public name of the modules below may be imported from here; a module is imported when one of its names is first
used, so ``import demod_voice.api`` is free::

    from demod_voice.api import load_settings, render_episode

    render_episode("script.md", "show.mp3", settings=load_settings(jobs=2))
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "audio": (
        "CleanOptions",
        "FileResult",
        "SoundError",
        "SoundInfo",
        "audio_info",
        "clean_audio",
        "convert_audio",
        "failed",
        "normalize_audio",
    ),
    "bench": ("BenchOptions", "BenchReport", "Figure", "LeftOut", "Measured", "Ratio", "bench_engines"),
    "batch": (
        "BatchCheck",
        "BatchOptions",
        "RowFault",
        "check_batch",
        "require_no_faults",
    ),
    "batch_episodes": ("episode_task",),
    "batch_run": (
        "BatchReport",
        "BatchRunOptions",
        "BatchStatus",
        "batch_status",
        "clean_batch",
        "require_done",
        "run_batch",
    ),
    "batch_tasks": ("task_of",),
    "cache": ("CacheInfo", "Freed", "cache_info", "clear_cache", "prune_cache"),
    "config": ("Loaded", "Settings", "load", "load_settings"),
    "csm": ("CsmAnchor", "CsmFile", "CsmSynthesizer", "CsmVoice", "infer_csm"),
    "dataset_keeping": (
        "Cleaned",
        "DatasetCheck",
        "DatasetDiff",
        "DatasetStats",
        "DatasetVersion",
        "ExportOptions",
        "ExportReport",
        "MergeReport",
        "check_dataset",
        "clean_dataset",
        "dataset_stats",
        "dataset_versions",
        "diff_dataset",
        "export_dataset",
        "merge_datasets",
        "restore_dataset",
    ),
    "dataset_report": ("report_dataset",),
    "datasets": ("BuildReport", "Rejudged", "add_recordings", "build_dataset", "rejudge_dataset"),
    "devices": ("DeviceList", "DeviceRow", "list_devices", "watch_devices"),
    "diff": ("DiffReport", "LineChange", "diff_episode"),
    "engines": (
        "EngineStatus",
        "EngineUpgrade",
        "bundle_engine",
        "Finding",
        "check_engine",
        "engine_status",
        "failed_findings",
        "finding_lines",
        "install_engine",
        "list_engines",
        "remove_engine",
        "upgrade_engines",
    ),
    "episodes": (
        "CheckReport",
        "RenderReport",
        "check_episode",
        "clean_episode",
        "new_episode",
        "render_episode",
        "require_quality",
    ),
    "errors": (
        "DemodError",
        "EngineError",
        "EngineNotInstalled",
        "FaultsError",
        "LicenceRequired",
        "MediaError",
        "ModelMissing",
        "OutputError",
        "QualityError",
        "UsageError",
    ),
    "health": ("Check", "check_health"),
    "identifying": ("speakers_among",),
    "models": (
        "FileCheck",
        "InstalledModel",
        "ModelStatus",
        "PullOptions",
        "import_model",
        "list_models",
        "model_info",
        "pull_model",
        "remove_model",
        "verify_model",
    ),
    "lexicon": ("Hit", "LexiconReport", "check_lexicon"),
    "piper": ("PiperFile", "PiperOptions", "infer_piper"),
    "piper_training": ("PreprocessOptions", "PreprocessReport", "preprocess_piper"),
    "publishing": ("Channel", "Item", "Preset", "feed_xml", "list_presets"),
    "preview": ("PreviewReport", "preview_episode"),
    "references": ("Prepared", "foreign_voices", "prepared_references"),
    "reviewing": ("ReviewOptions", "ReviewReport", "apply_reviews", "review_dataset"),
    "separating": ("Separated", "SeparateOptions", "separate_file"),
    "speaking": (
        "Reading",
        "SpokenFile",
        "VoiceChoice",
        "decode_text",
        "pcm_s16le",
        "read_text",
        "speak_to_file",
        "stream_speech",
    ),
    "speakers": (
        "Calibrated",
        "Comparison",
        "Identification",
        "VoiceVector",
        "VoiceVectors",
        "calibrate_speakers",
        "compare_speakers",
        "embed_speakers",
        "identify_speaker",
        "require_kept",
        "require_voices",
    ),
    "takes": (
        "LineTakes",
        "TakeList",
        "TakeRow",
        "choose_take",
        "list_takes",
        "lock_take",
        "redo_take",
        "unlock_take",
    ),
    "text": ("NormalizedText", "PhonemeText", "normalize_text", "text_phonemes"),
    "transcribing": ("AlignedFile", "TranscribedFile", "align_file", "require_heard", "transcribe_file"),
    "voices": (
        "AddReport",
        "Audition",
        "NewVoice",
        "SavedVoice",
        "VoiceList",
        "add_voice",
        "audition_voices",
        "damaged_files",
        "export_voice",
        "import_voice",
        "list_voices",
        "remove_voice",
        "rename_voice",
        "show_voice",
    ),
    "xtts": ("XttsFile", "XttsSpeakers", "XttsVoice", "stream_xtts", "xtts_speakers", "xtts_zero_shot"),
}
"""Module of this package -> the names that it offers."""

_MODULES = {name: module for module, names in _EXPORTS.items() for name in names}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import the module that offers ``name`` (PEP 562)."""
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    if name in _EXPORTS:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Every name that can be imported from here."""
    return sorted({*__all__, *_EXPORTS})
