"""Recordings as takes: a stretch of a sound file, decoded once, kept in ``X.demod/takes/`` like a spoken line.

No engine has a part in it, and nothing of it is marked as synthetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path

from demod_voice.audio.denoise import learn_noise, without_noise
from demod_voice.config.settings import Limits, Settings
from demod_voice.episode.plan import Plan, PlannedLine
from demod_voice.episode.sound_files import sound_path
from demod_voice.errors import MediaError
from demod_voice.formats.script import Recording
from demod_voice.media.foreign import Stretch, decode
from demod_voice.media.wav import WavWriter, read_blocks, wav_info
from demod_voice.records.atomic import replacing, write_json
from demod_voice.records.hashing import hash_file, hash_json
from demod_voice.records.progress import Progress
from demod_voice.speech.takes import Take, TakeRecord, read_take, take_files

RECORDING_VERSION = 1
"""Raised by hand when decoding or cleaning gives other bytes; part of every take's key."""
OWN_RATE = 0
"""A recording keeps its own sample rate, so that a cut is exact and nothing is resampled twice."""
ENCODING = "pcm_f32le"
MODEL = "recording"
NO_TRANSCRIPT = "transcript: none given"


def recorded_takes(plan: Plan, folder: Path, settings: Settings, jobs: int, progress: Progress) -> dict[int, Take]:
    """The takes of a plan's recordings: number of the line -> take; decoded now where they are not there yet.

    Args:
        plan: the episode.
        folder: of the takes.
        settings: what decoding may cost.
        jobs: files decoded at once.
        progress: told about each.

    Raises:
        MediaError: recordings that cannot be used, all at once, with their lines.
        OutputError: the folder cannot be written.
    """
    lines = {number: line for number, line in enumerate(plan.lines) if line.source.recording is not None}
    if not lines:
        return {}
    takes: dict[int, Take] = {}
    failures = []
    folder.mkdir(parents=True, exist_ok=True)
    progress.start("recordings", len(lines))
    with ThreadPoolExecutor(jobs, thread_name_prefix="decode") as executor:
        paths = {each: sound_path(plan.folder, each) for each in _names(lines.values())}
        hashes = dict(zip(paths, executor.map(hash_file, paths.values()), strict=True))
        make = partial(_take, folder=folder, paths=paths, hashes=hashes, limits=settings.limits)
        for number, made in zip(lines, executor.map(make, lines.values()), strict=True):
            if isinstance(made, Take):
                takes[number] = made
            else:
                failures.append(f"  {plan.script.source}:{lines[number].source.line}: {made.message}")
            progress.advance("recordings")
    progress.finish("recordings")
    if failures:
        raise MediaError("\n".join([f"{len(failures)} of {len(lines)} recordings cannot be used", *failures]))
    return takes


def _names(lines: Iterable[PlannedLine]) -> list[str]:
    """Every file once, as written."""
    return list(dict.fromkeys(each.source.recording.path for each in lines if each.source.recording is not None))


def _take(
    line: PlannedLine, folder: Path, paths: Mapping[str, Path], hashes: Mapping[str, str], limits: Limits
) -> Take | MediaError:
    """The take of one recording, or why there is none."""
    recording = line.source.recording or Recording("")
    sha256 = hashes[recording.path]
    key = _key(recording, sha256)
    record = read_take(folder, key)
    if record is None:
        try:
            record = _make(paths[recording.path], recording, key, sha256, folder, limits)
        except MediaError as error:
            return error
    return Take(
        path=take_files(folder, key)[0],
        key=key,
        sha256=record.sha256,
        sample_rate=record.sample_rate,
        num_samples=record.num_samples,
        words=(),
        engine="",
        engine_output_version=0,
        model=record.model,
        model_revision=record.model_revision,
        seed=0,
        attempt=0,
        degraded=() if line.source.text else (NO_TRANSCRIPT,),
        spoken=False,
        cached=False,
        text_spoken="",
    )


def _key(recording: Recording, sha256: str) -> str:
    """Hash of all that a recording's take depends on: content and times, never a name."""
    return hash_json([MODEL, RECORDING_VERSION, sha256, recording.start_s, recording.end_s, recording.clean])


def _make(path: Path, recording: Recording, key: str, sha256: str, folder: Path, limits: Limits) -> TakeRecord:
    """Decode the stretch, clean it when that is asked for, and write it down."""
    wav, record_path = take_files(folder, key)
    stretch = Stretch(recording.start_s, recording.end_s)
    with replacing(wav) as temporary:
        decode(path, temporary, OWN_RATE, limits, channels=1, encoding=ENCODING, stretch=stretch)
        info = wav_info(temporary)
        if recording.clean:
            _clean(temporary, info.sample_rate)
        made = hash_file(temporary)
    record = TakeRecord(
        key=key,
        sha256=made,
        engine="",
        output_version=0,
        model=MODEL,
        model_revision=sha256,
        seed=0,
        attempt=0,
        sample_rate=info.sample_rate,
        num_samples=info.num_samples,
        encoding=ENCODING,
        chunks=(),
        trimmed_s=(),
    )
    write_json(record_path, asdict(record))
    return record


def _clean(wav: Path, rate: int) -> None:
    """Take the steady noise out of a WAV, in place."""
    noise = learn_noise(read_blocks(wav), rate)
    with replacing(wav) as temporary, WavWriter(temporary, rate, 1, ENCODING) as writer:
        for block in without_noise(read_blocks(wav), rate, noise):
            writer.write(block)
