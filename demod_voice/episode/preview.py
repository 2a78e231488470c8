"""A stretch of an episode in seconds: only its lines are spoken, mixed and mastered as the whole show would be.

The whole script is planned, so ids and seeds are those of the full render: what is spoken here is not spoken again
there. Music, intro and outro belong to the time of the show and are left out.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from demod_voice.config.roots import check_inside
from demod_voice.config.settings import Settings
from demod_voice.episode.mixing import TAKES, mix_and_master, stage
from demod_voice.episode.naming import find_chapter, find_line, find_lines
from demod_voice.episode.plan import FIRST, Plan
from demod_voice.episode.production import Production, RenderOptions, produce, speak
from demod_voice.errors import UsageError
from demod_voice.media.wav import wav_info
from demod_voice.mix.loudness import prepare
from demod_voice.records.atomic import output_error, replacing
from demod_voice.records.lock import locked
from demod_voice.records.progress import SILENT, Progress
from demod_voice.records.steps import RunFolder

NAME = "preview.wav"


@dataclass(frozen=True, slots=True)
class Part:
    """Which stretch: exactly one of the three."""

    line: str | None = None
    """Number in the script, or the beginning of an id."""
    lines: str | None = None
    """``12-20``: everything that is said between two lines of the script."""
    chapter: str | None = None
    """Title, or number from 1."""


@dataclass(frozen=True, slots=True)
class PreviewReport:
    """What a preview made."""

    path: Path
    lines: tuple[int, ...]
    """Numbers of the lines in the script."""
    spoken: int
    """So many were spoken now; the others were there."""
    duration_s: float
    lufs: float
    true_peak_dbtp: float


def preview(
    script: Path,
    part: Part,
    output: Path,
    settings: Settings,
    options: RenderOptions,
    episode: Path | None = None,
    progress: Progress = SILENT,
) -> PreviewReport:
    """Make the sound of one stretch of a script.

    Args:
        script: as for a render.
        part: which stretch.
        output: a WAV.
        settings: as for a render.
        options: mix and preset; formats and timing are not used.
        episode: the episode whose takes are used, and kept with; None = the speech cache alone is shared.
        progress: told how far the work is.

    Raises:
        UsageError, FaultsError: the script, the stretch or the output is wrong; nothing was started.
        EngineError, MediaError, OutputError: as for a render.
    """
    threading.Thread(target=prepare, name="prepare", daemon=True).start()
    check_inside([output, *([episode] if episode else [])], settings.paths.allowed_roots)
    _check_output(output, script)
    production = produce(script, settings, replace(options, timing=None))
    chosen = _places(production.plan, part)
    with _work(episode, progress) as (home, away):
        takes = speak(production, home, progress, chosen)
        small = _stretch(production, chosen)
        mixing = stage(small.plan, takes, small.mix, small.target, away, small.settings, progress)
        mixed = mix_and_master(mixing, away, progress, NAME)
        with replacing(output) as temporary:
            shutil.copyfile(mixed.path, temporary)
    return PreviewReport(
        path=output,
        lines=tuple(line.source.line for line in small.plan.lines),
        spoken=sum(take.spoken for take in takes),
        duration_s=round(wav_info(output).duration_s, 3),
        lufs=mixed.report.lufs,
        true_peak_dbtp=mixed.report.true_peak_dbtp,
    )


def _check_output(output: Path, script: Path) -> None:
    if output.suffix.lower() != ".wav":
        raise UsageError(f"a preview is a WAV, not {output.name}", f"give a name such as {output.with_suffix('.wav')}")
    if not output.parent.is_dir():
        raise output_error(output, FileNotFoundError(2, "its folder does not exist"))
    if output.is_dir() or output.resolve() == script.resolve():
        raise UsageError(f"{output} cannot be written: it is {'a folder' if output.is_dir() else 'the script'}")


def _places(plan: Plan, part: Part) -> list[int]:
    """Places of the stretch's lines in the plan."""
    given = [each for each in (part.line, part.lines, part.chapter) if each is not None]
    if len(given) != 1:
        raise UsageError("a preview needs one of --line, --lines and --chapter", "as in: --lines 12-20")
    if part.line is not None:
        return [find_line(plan.lines, part.line)]
    return find_lines(plan.lines, part.lines) if part.lines is not None else find_chapter(plan, str(part.chapter))


def _stretch(production: Production, places: Sequence[int]) -> Production:
    """The production of the stretch alone: it begins without a pause, and nothing of the show's own time is in it."""
    plan = production.plan
    first, *rest = (plan.lines[place] for place in places)
    source = replace(first.source, pause_before_s=None, overlap_s=0.0, interrupt=False, backchannel=False)
    lines = (replace(first, joint=FIRST, source=source), *rest)
    heard = {line.speaker for line in lines}
    voices = {name: voice for name, voice in plan.voices.items() if name in heard}
    script = replace(plan.script, trailing_effects=(), trailing_pause_s=0.0)
    mix = replace(production.mix, music=(), intro=None, outro=None, effects=())
    return replace(production, plan=replace(plan, script=script, voices=voices, lines=lines), mix=mix)


@contextmanager
def _work(episode: Path | None, progress: Progress) -> Iterator[tuple[RunFolder, RunFolder]]:
    """Where takes are kept, and where the stretch is mixed: a folder that goes with the block.

    An episode's own folder keeps its takes only; its steps are those of the whole show and are left alone.
    """
    with tempfile.TemporaryDirectory(prefix="demod-voice-") as name:
        away = RunFolder(Path(name))
        if episode is None:
            yield away, away
            return
        work = episode if episode.suffix == ".demod" else episode.with_suffix(".demod")
        with locked(work / "lock", _waiting(progress, work)):
            home = RunFolder(work)
            (home.path / TAKES).mkdir(exist_ok=True)
            (away.path / TAKES).symlink_to((home.path / TAKES).resolve())
            yield home, away


def _waiting(progress: Progress, work: Path) -> Callable[[], None]:
    return lambda: progress.note(f"waiting: a render works on {work}")
