"""``Settings``: every key of the configuration, its type, its default and what it is for.

The dataclasses below are the one definition: the loader, the commented file of ``config init``, ``config show`` and
docs/config.md are all made from them. A key that stands here is read somewhere; tests/config/test_keys_used.py has a
row for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


def key(default: Any, doc: str, **limits: Any) -> Any:
    """A settings field: its default, one sentence for people, and its limits.

    Limits: ``choices``, ``minimum``, ``maximum``, and ``form`` of a text (``size``, ``language``, ``device`` ...).
    """
    metadata = {"doc": doc, **limits}
    if isinstance(default, (list, dict)):
        raise TypeError("defaults are immutable: use a tuple or a dataclass")
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Settings of one engine: ``engines.<name>.*``."""

    python: str = key("", "Interpreter that runs this engine, instead of the environment made by `engines install`.")
    model: str = key("", "Model that it loads when a voice names none: a path, or a name of `models list`.")
    guards: str = key(
        "retry",
        "A take that sounds wrong: retry it with another seed, report it and keep it, or off: only a silent one counts.",
        choices=("retry", "report", "off"),
    )
    options: tuple[str, ...] = key((), "Its own options, each as name=value; `engines info` lists them.")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence after which an engine counts as hung: ``engines.timeouts.*``."""

    start: float = key(60.0, "Seconds from process start to ready.", minimum=0.1)
    load: float = key(600.0, "Seconds of silence while a model loads.", minimum=0.1)
    speak: float = key(120.0, "Seconds of silence while a line is spoken.", minimum=0.1)
    train: float = key(600.0, "Seconds of silence in training and in every other operation.", minimum=0.1)


@dataclass(frozen=True, slots=True)
class Engines:
    """``engines.*``"""

    default: str = key("espeak", "Engine of a speaker whose script names none.", form="engine")
    search_path: tuple[str, ...] = key((), "More folders that hold engine folders, searched last.")
    shared: tuple[str, ...] = key((), "Folders of `engines install --into`: environments that somebody else keeps.")
    threads: int = key(1, "Threads of one worker; part of what a take is made of.", minimum=1, maximum=64)
    idle_s: float = key(300.0, "Seconds after which an unused worker is retired.", minimum=0.0)
    timeouts: Timeouts = field(default_factory=Timeouts)
    named: Mapping[str, EngineSettings] = field(default_factory=lambda: MappingProxyType({}))
    """``engines.<name>`` for every engine that has settings."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """``gpu.*``: which GPUs engines may compute on, and how they share them."""

    use: str = key("all", "GPUs that may be used: all, none, 0,2,5, range:0-3, or count:3 for any three.", form="gpus")
    exclude: str = key("", "GPUs that are left out, as 1,3.", form="gpu numbers")
    memory_limit: int = key(
        100, "Most of each GPU's memory that may be in use, by whomever, percent.", minimum=1, maximum=100
    )
    strategy: str = key(
        "balanced",
        "Which GPU a worker gets: the one with the least to do, the one that is in use already, or the fastest one.",
        choices=("balanced", "pack", "fastest"),
    )
    workers: int = key(2, "Most workers of one engine and model on one GPU in a run.", minimum=1, maximum=64)
    cpu_fallback: bool = key(True, "An engine that finds no GPU, or no room on one, computes on the CPU.")


@dataclass(frozen=True, slots=True)
class Models:
    """``models.*``: the files that neural engines load."""

    search_path: tuple[str, ...] = key((), "More folders that hold models, read only: those of a shared machine.")
    hub_url: str = key("", "Address of the model hub; empty = HF_ENDPOINT, else https://huggingface.co.")
    timeout_s: float = key(30.0, "Seconds of silence after which a request to the hub has failed.", minimum=0.1)


@dataclass(frozen=True, slots=True)
class Speakers:
    """``speakers.*``: whose voice it is."""

    calibration: str = key("", "Calibration of the embedding model; empty = what `speaker calibrate` kept for it.")


@dataclass(frozen=True, slots=True)
class Cache:
    """``cache.*``: the speech cache, a shortcut that may be deleted at any moment."""

    enabled: bool = key(True, "Keep spoken lines, so that another episode with the same line does not speak it again.")
    max_size: str = key("5GB", "Largest size; the least recently used takes go first.", form="size")


@dataclass(frozen=True, slots=True)
class Paths:
    """``paths.*``"""

    allowed_roots: tuple[str, ...] = key((), "When given, every input and output must lie inside one of these folders.")
    voices: str = key("", "Folder of the voices; empty = voices/ in the data folder.")


@dataclass(frozen=True, slots=True)
class Pauses:
    """``episode.pauses.*``: silence between lines, in milliseconds."""

    line_ms: int = key(350, "Between two lines of one speaker in one paragraph.", minimum=0, maximum=60000)
    speaker_ms: int = key(450, "When the speaker changes.", minimum=0, maximum=60000)
    paragraph_ms: int = key(700, "Between paragraphs.", minimum=0, maximum=60000)
    chapter_ms: int = key(1500, "Before a chapter.", minimum=0, maximum=60000)
    jitter: float = key(0.15, "Seeded variation of each pause, as a fraction of it.", minimum=0.0, maximum=0.5)


@dataclass(frozen=True, slots=True)
class Episode:
    """``episode.*``"""

    sample_rate: int = key(
        24000, "Sample rate of a speech-only master, Hz.", choices=(16000, 22050, 24000, 44100, 48000)
    )
    formats: tuple[str, ...] = key(
        (), "Formats written beside the one that -o names (wav, mp3, flac, m4a, m4b, opus, ogg)."
    )
    fade_ms: float = key(10.0, "Raised-cosine fade at each edge of a line.", minimum=0.0, maximum=200.0)
    crossfade_ms: float = key(
        50.0, "Equal-power crossfade where two lines abut without a pause.", minimum=0.0, maximum=1000.0
    )
    report: bool = key(True, "Write X.report.html beside the episode: a page that shows it, for a browser.")
    lexicons: tuple[str, ...] = key(
        (), "Pronunciation lexicons (YAML files) of every episode; they win over a show's and a script's own."
    )
    context_turns: int = key(
        0,
        "Earlier turns of its chapter that a line goes on from, where its engine continues a conversation (csm).",
        minimum=0,
        maximum=8,
    )
    pauses: Pauses = field(default_factory=Pauses)


@dataclass(frozen=True, slots=True)
class Loudness:
    """``loudness.*``: what a master is brought to."""

    mono_lufs: float = key(-19.0, "Integrated loudness of a mono master, LUFS.", minimum=-40.0, maximum=-5.0)
    stereo_lufs: float = key(-16.0, "Integrated loudness of a stereo master, LUFS.", minimum=-40.0, maximum=-5.0)
    true_peak_dbtp: float = key(-1.0, "Highest true peak, dBTP.", minimum=-20.0, maximum=0.0)
    tolerance_lu: float = key(
        0.3, "How far an encoded file may be off before it is encoded again.", minimum=0.05, maximum=3.0
    )


@dataclass(frozen=True, slots=True)
class Encode:
    """``encode.*``"""

    mp3_kbps: int = key(
        128,
        "MP3 bit rate, kbit/s; at 24 kHz and below MP3 ends at 160.",
        choices=(64, 96, 112, 128, 160, 192, 224, 256, 320),
    )
    mp3_mode: str = key(
        "cbr", "MP3 with a constant bit rate (cbr) or a constant quality (vbr).", choices=("cbr", "vbr")
    )
    mp3_vbr_quality: int = key(4, "Quality of a VBR MP3, 0 (best, largest) to 9.", minimum=0, maximum=9)
    mp3_quality: int = key(5, "LAME's effort, 0 (best, slowest) to 9.", minimum=0, maximum=9)
    aac_kbps: int = key(96, "AAC bit rate in m4a and m4b, kbit/s.", minimum=32, maximum=320)
    opus_kbps: int = key(64, "Opus bit rate, kbit/s.", minimum=16, maximum=256)
    fast: bool = key(False, "Encode in less time, at a little less quality for each bit (mp3, opus).")


@dataclass(frozen=True, slots=True)
class Publish:
    """``publish.*``: what goes out with an episode."""

    licence_policy: str = key(
        "label",
        "Voices not free for commercial use: refuse them, label the files, or allow them without a word.",
        choices=("refuse", "label", "allow"),
    )
    base_url: str = key("", "Where the files will be fetched, for the feed: as https://example.org/show.")


@dataclass(frozen=True, slots=True)
class Limits:
    """``limits.*``: what foreign files may cost."""

    media_seconds: float = key(600.0, "Longest a decoder may work on one file.", minimum=1.0)
    media_memory: str = key("1GB", "Most memory a decoder may use.", form="size")
    script_size: str = key("5MB", "Largest episode script.", form="size")
    line_chars: int = key(20000, "Longest line of a script, in characters.", minimum=100)


@dataclass(frozen=True, slots=True)
class Segments:
    """``dataset.segments.*``: how a recording is cut."""

    min_s: float = key(5.0, "Shortest segment, seconds; shorter ones are merged.", minimum=0.5, maximum=60.0)
    max_s: float = key(
        15.0, "Longest segment, seconds; longer ones are split at the best pause.", minimum=1.0, maximum=120.0
    )
    margin_ms: float = key(150.0, "Silence kept before and after the speech of a segment.", minimum=0.0, maximum=2000.0)
    join_s: float = key(
        1.2, "Longest pause inside a segment: over a longer one speech is never joined.", minimum=0.1, maximum=10.0
    )
    speech_threshold: float = key(0.5, "Probability from which a moment counts as speech.", minimum=0.05, maximum=0.95)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """``dataset.clean.*``: what is done to a recording before it is cut."""

    hum: bool = key(True, "Notch mains hum (50 or 60 Hz and harmonics) out, only where it is found.")
    high_pass_hz: float = key(60.0, "Corner of the high-pass, Hz; 0 leaves it out.", minimum=0.0, maximum=300.0)
    declick: bool = key(False, "Repair single clicks.")
    denoise_db: float = key(
        18.0, "Most that steady noise is lowered by, dB; 0 leaves it out.", minimum=0.0, maximum=40.0
    )


@dataclass(frozen=True, slots=True)
class Gates:
    """``dataset.gates.*``: what sends a segment to quarantine."""

    rms_floor_dbfs: float = key(-40.0, "Lowest level of the speech, dBFS.", minimum=-120.0, maximum=0.0)
    snr_min_db: float = key(5.0, "Lowest speech-to-noise ratio, dB.", minimum=-20.0, maximum=80.0)
    clipping_level: float = key(0.999, "Amplitude from which a sample counts as clipped.", minimum=0.5, maximum=1.0)
    clipping_ratio_max: float = key(0.001, "Most clipped samples, as a ratio.", minimum=0.0, maximum=1.0)
    hum_max_db: float = key(
        15.0, "Most that mains hum may stand over the spectrum around it, dB.", minimum=0.0, maximum=80.0
    )
    plosive_ratio_max: float = key(0.05, "Most frames with a pop of breath, as a ratio.", minimum=0.0, maximum=1.0)
    bandwidth_min_hz: float = key(5000.0, "Lowest upper edge of the spectrum, Hz.", minimum=0.0, maximum=24000.0)
    silence_ratio_max: float = key(0.6, "Most non-speech inside a segment, as a ratio.", minimum=0.0, maximum=1.0)
    dc_offset_max: float = key(0.01, "Largest mean of the samples.", minimum=0.0, maximum=1.0)
    reverb_max_s: float = key(1.2, "Longest decay after speech, seconds for 60 dB.", minimum=0.0, maximum=20.0)
    chars_per_s_min: float = key(4.0, "Slowest reading of the text, characters a second.", minimum=0.0, maximum=100.0)
    chars_per_s_max: float = key(30.0, "Fastest reading of the text, characters a second.", minimum=0.0, maximum=200.0)
    unheard_ratio_max: float = key(
        0.1,
        "Most words of a transcript that were not heard where they should be, as a ratio.",
        minimum=0.0,
        maximum=1.0,
    )
    speaker_score_min: float = key(
        0.0, "Lowest similarity to the target speaker; 0 = the embedding model's own.", minimum=-1.0, maximum=1.0
    )


@dataclass(frozen=True, slots=True)
class Splits:
    """``dataset.splits.*``: shares of the recordings, by the hash of their names and lengths."""

    val: float = key(0.05, "Share of the validation split.", minimum=0.0, maximum=0.5)
    test: float = key(0.05, "Share of the test split.", minimum=0.0, maximum=0.5)
    gap_s: float = key(
        10.0, "Left out between the blocks when one recording is all there is.", minimum=0.0, maximum=600.0
    )


@dataclass(frozen=True, slots=True)
class Dataset:
    """``dataset.*``: training data made from recordings."""

    sample_rate: int = key(24000, "Sample rate of the clips, Hz.", choices=(16000, 22050, 24000, 44100, 48000))
    encoding: str = key("pcm_s16le", "Samples of the clips.", choices=("pcm_s16le", "pcm_s24le", "pcm_f32le"))
    channels: str = key(
        "mix",
        "Of a stereo recording: mix, left, right, or split into two recordings.",
        choices=("mix", "left", "right", "split"),
    )
    lufs: float = key(-19.0, "Loudness that each recording is brought to, LUFS.", minimum=-40.0, maximum=-5.0)
    true_peak_dbtp: float = key(-1.0, "Highest true peak, dBTP.", minimum=-20.0, maximum=0.0)
    anchors: int = key(4, "Segments kept apart in ref/ as anchors of the voice.", minimum=0, maximum=32)
    segments: Segments = field(default_factory=Segments)
    clean: Cleaning = field(default_factory=Cleaning)
    gates: Gates = field(default_factory=Gates)
    splits: Splits = field(default_factory=Splits)


@dataclass(frozen=True, slots=True)
class Ray:
    """``batch.ray.*``: batches on a cluster (``--executor ray``)."""

    cpus: float = key(
        1.0, "Processors of one actor that speaks on the CPU, as Ray counts them.", minimum=0.01, maximum=1024.0
    )
    gpus: float = key(
        1.0, "GPUs of one actor that speaks on a GPU; 0.5 = two of them share one.", minimum=0.01, maximum=64.0
    )
    wait_s: float = key(120.0, "Seconds that a batch waits for room on the cluster before it ends.", minimum=1.0)


@dataclass(frozen=True, slots=True)
class Batch:
    """``batch.*``: many rows at once."""

    ray: Ray = field(default_factory=Ray)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured, merged once: defaults, file, ``DEMOD_VOICE_*``, flags."""

    language: str = key("en", "Language of a script that names none (BCP 47).", form="language")
    seed: int = key(42, "Seed of everything random.", minimum=0, maximum=2**31 - 1)
    jobs: int = key(
        0, "Lines spoken at once; 0 = one per processor. Never changes a byte of the result.", minimum=0, maximum=256
    )
    device: str = key(
        "auto", "Where engines compute: auto, cpu, or cuda:N. auto takes a GPU where one is usable.", form="device"
    )
    attempts: int = key(
        3, "How often a line that an engine fails on is tried, each time with another seed.", minimum=1, maximum=10
    )
    engines: Engines = field(default_factory=Engines)
    gpu: Gpu = field(default_factory=Gpu)
    models: Models = field(default_factory=Models)
    speakers: Speakers = field(default_factory=Speakers)
    cache: Cache = field(default_factory=Cache)
    paths: Paths = field(default_factory=Paths)
    episode: Episode = field(default_factory=Episode)
    dataset: Dataset = field(default_factory=Dataset)
    batch: Batch = field(default_factory=Batch)
    loudness: Loudness = field(default_factory=Loudness)
    encode: Encode = field(default_factory=Encode)
    publish: Publish = field(default_factory=Publish)
    limits: Limits = field(default_factory=Limits)


DEFAULTS = Settings()
