"""The XTTS engine: a voice taken from recordings, spoken token by token in 17 languages.

Started by ``demod_voice.engines``; README.md says what it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from demod_worker.messages import LoadRequest, LoadResult, SpeakItem, SpeakResult
from demod_worker.worker import Adapter, AudioOut, BadRequest, EngineFault, ModelMissing, OutOfMemory, Task, run
from xtts_model import OpenModel, check_folder, open_model
from xtts_speakers import Speakers
from xtts_wishes import LANGUAGES, Wishes, wishes_of

SUGGESTIONS = 5


class Xtts(Adapter):
    """Speaks with one model, kept in memory."""

    name = "xtts"
    version = "0.28.0"
    operations = ("load", "unload", "speak", "speak_many")

    def __init__(self) -> None:
        self._open: OpenModel | None = None
        self._speakers: Speakers | None = None
        self._request = LoadRequest()

    def load(self, request: LoadRequest) -> LoadResult:
        """Load the model of ``request.model``."""
        self._request = request
        opened = self._model(request.model, again=True)
        voices = tuple(opened.presets)
        return LoadResult(opened.name, opened.revision, opened.device, LANGUAGES, voices, opened.notes)

    def unload(self) -> None:
        """Let go of the model."""
        self._open = self._speakers = None

    def speak(self, item: SpeakItem, out: AudioOut, task: Task) -> SpeakResult:
        """Speak one utterance; its sound goes out as it is made."""
        opened = self._model(item.voice.model)
        wishes = wishes_of(item, opened.config)
        texts = list(_texts(opened.model, item.text, wishes.language))
        try:
            voice = self._voice(opened, item, wishes)
            degraded = [*wishes.degraded, *_say(opened, voice, texts, item, wishes, out, task)]
        except MemoryError:
            raise
        except RuntimeError as error:
            if "out of memory" in str(error).lower():
                raise OutOfMemory(f"xtts: {str(error).splitlines()[0]}", "use a smaller limit of jobs") from error
            raise
        return SpeakResult(item.item, (), opened.name, opened.revision, out.rate, tuple(degraded))

    def _voice(self, opened: OpenModel, item: SpeakItem, wishes: Wishes) -> tuple[Any, Any]:
        """What the voice is to the model.

        Raises:
            BadRequest: it is neither recordings nor one of the model's own speakers.
        """
        preset = item.voice.preset or item.voice.speaker
        if item.voice.adapter:
            raise BadRequest("xtts has no adapters", "give recordings as references, or a speaker of the model")
        if item.voice.references and self._speakers is not None:
            return self._speakers.of_recordings(opened.model, item.voice.references, wishes.taking)
        if preset in opened.presets:
            return opened.presets[preset]
        names = list(opened.presets)
        near = get_close_matches(preset or "", names, n=SUGGESTIONS, cutoff=0.4) or names[:SUGGESTIONS]
        hint = "give recordings as references" + (f", or a speaker: {', '.join(near)} ..." if near else "")
        raise BadRequest(f"the model has no speaker {preset!r}" if preset else "xtts needs a voice", hint)

    def _model(self, model: str | None, again: bool = False) -> OpenModel:
        folder = Path(model) if model else (self._open.folder if self._open else None)
        if folder is None:
            raise ModelMissing("xtts has no model", "run: demod-voice models pull xtts-v2")
        if self._open is None or again or self._open.folder != folder:
            self._open = self._speakers = None
            self._open = _opened(folder, self._request)
            about = (self._open.revision, self._open.device.partition(":")[0], self._request.threads)
            self._speakers = Speakers(self._request.cache, about)
        return self._open


def _opened(folder: Path, request: LoadRequest) -> OpenModel:
    """Check the folder before anything heavy is imported, then load it."""
    check_folder(folder)
    from xtts_library import bring_up

    try:
        bring_up()
    except (ImportError, OSError) as error:
        raise EngineFault(
            f"the engine's environment is broken: {error}", "run: demod-voice engines install xtts"
        ) from error
    _set_up_torch(request)
    return open_model(folder, request.device, request.options.get("dtype", "float32"))


def _set_up_torch(request: LoadRequest) -> None:
    import torch

    torch.set_num_threads(request.threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    if not request.device.startswith("cuda"):
        return
    if not torch.cuda.is_available():
        raise EngineFault(f"torch {torch.__version__} has no {request.device} here", "use --device cpu")
    if request.memory_fraction is not None:
        torch.cuda.set_per_process_memory_fraction(request.memory_fraction, torch.device(request.device))


def _texts(model: Any, text: str, language: str) -> Iterator[list[int]]:
    """The text as lists of tokens, each within the model's limit: cut at the middle space where it is too long."""
    from xtts_text import halves, tokens_of

    ids = tokens_of(model.tokenizer, text, language)
    if len(ids) < model.args.gpt_max_text_tokens:
        yield ids
        return
    for half in halves(text):
        yield from _texts(model, half, language)


def _say(
    opened: OpenModel, voice: Any, texts: list[list[int]], item: SpeakItem, wishes: Wishes, out: AudioOut, task: Task
) -> Iterator[str]:
    """Send the sound of every text; yields what the take lacks."""
    import torch
    from xtts_sound import Said, tokens_within

    model = opened.model
    torch.manual_seed(item.seed)
    own_limit = model.gpt.max_gen_mel_tokens - 1
    asked = own_limit * len(texts)
    if item.max_s is not None:
        asked = min(asked, tokens_within(model.hifigan_decoder, item.max_s, wishes.speed))
    out.start(model.hifigan_decoder.output_sample_rate, "pcm_f32le")
    if len(texts) > 1:
        yield f"text: cut into {len(texts)} at the model's limit of tokens"
    for ids in texts:
        said = Said(opened, task.check)
        most = min(asked, own_limit)
        for samples in said.sound(ids, voice, wishes, most):
            out.write(samples.numpy().astype("<f4").tobytes())
        asked -= said.tokens
        if not said.ended:
            limit = "the model's limit of length" if most == own_limit else "max_s"
            yield f"{limit}: the sound was cut, the model had not ended the text"
        if asked <= 0:
            return


if __name__ == "__main__":
    run(Xtts)
