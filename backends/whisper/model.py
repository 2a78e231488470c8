"""The model in memory: a folder in CTranslate2's form, opened from what is in it alone. Nothing is fetched."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuda_libraries import preload
from demod_worker.messages import LoadRequest
from demod_worker.model_folder import content_revision, model_name
from demod_worker.worker import BadRequest, EngineFault, ModelMissing, OutOfMemory

NEEDED = ("config.json", "model.bin", "tokenizer.json")
VOCABULARIES = ("vocabulary.json", "vocabulary.txt")
OPTIONAL = ("preprocessor_config.json",)
MOST_BEAM = 20
SAME_LANGUAGE = {"nb": "no", "cmn": "zh", "iw": "he", "jv": "jw", "fil": "tl", "in": "id", "ji": "yi"}
"""BCP 47 primary tag -> Whisper's code, where they differ."""


@dataclass(frozen=True)
class Model:
    """A model that can be asked."""

    name: str
    revision: str
    device: str
    beam: int
    notes: tuple[str, ...]
    whisper: Any
    """``faster_whisper.WhisperModel``."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that it knows."""
        return tuple(sorted(self.whisper.supported_languages))

    def language(self, asked: str) -> str | None:
        """Whisper's code of a BCP 47 tag; None for an empty one of a model that can find it out.

        Raises:
            BadRequest: the model does not know the language.
        """
        if not asked:
            return None if self.whisper.model.is_multilingual else "en"
        primary = asked.replace("_", "-").split("-")[0].lower()
        code = SAME_LANGUAGE.get(primary, primary)
        if code in self.whisper.supported_languages:
            return code
        known = ", ".join(self.languages)
        raise BadRequest(f"model {self.name} does not know the language {asked!r}", f"it knows: {known}")


def open_model(request: LoadRequest) -> Model:
    """Load the folder ``request.model``.

    Raises:
        ModelMissing: a file of it is not there.
        BadRequest: a file is not what it should be, or an option cannot be.
        EngineFault: the GPU's libraries are not there.
    """
    folder, files = _folder(request.model)
    beam = _beam(request.options.get("beam", "5"))
    compute_type = request.options.get("compute_type", "default")
    device, notes = _device(request.device)
    os.environ["HF_HUB_OFFLINE"] = "1"
    from faster_whisper import WhisperModel

    kind, _, number = device.partition(":")
    try:
        whisper = WhisperModel(
            str(folder),
            device=kind,
            device_index=int(number or 0),
            compute_type=compute_type,
            cpu_threads=max(1, request.threads),
            local_files_only=True,
        )
    except Exception as error:
        raise _fault(folder, compute_type, error) from error
    return Model(model_name(folder), content_revision(folder, files), device, beam, notes, whisper)


def fault(error: Exception, what: str) -> Exception:
    """What an error of CTranslate2 means while it computes."""
    if "out of memory" in str(error).lower():
        return OutOfMemory(f"{what} does not fit into the GPU's memory: {_short(error)}")
    return EngineFault(f"{what}: {_short(error)}")


def _fault(folder: Path, compute_type: str, error: Exception) -> Exception:
    text = str(error).lower()
    if "out of memory" in text:
        return OutOfMemory(f"the model {folder.name} does not fit: {_short(error)}")
    if "compute type" in text:
        return BadRequest(f"option compute_type: this device has no {compute_type}: {_short(error)}", "take default")
    return BadRequest(f"{folder} is damaged, or no Whisper model of CTranslate2: {_short(error)}", "fetch it again")


def _folder(model: str | None) -> tuple[Path, tuple[str, ...]]:
    """The model's folder, and the files that count."""
    if not model:
        raise ModelMissing("whisper needs a model", "run: demod-voice models pull whisper-small")
    folder = Path(model)
    if folder.is_file():
        raise BadRequest(f"{folder} is a file", f"name the folder that holds {', '.join(NEEDED)}")
    vocabulary = next((name for name in VOCABULARIES if (folder / name).is_file()), VOCABULARIES[0])
    for name in (*NEEDED, vocabulary):
        if not (folder / name).is_file():
            raise ModelMissing(
                f"the model {folder} has no {name}",
                f"a model is a folder in CTranslate2's form: {', '.join((*NEEDED, vocabulary))}",
            )
    return folder, (*NEEDED, vocabulary, *(each for each in OPTIONAL if (folder / each).is_file()))


def _device(asked: str) -> tuple[str, tuple[str, ...]]:
    """Where the model is put, and a note when that is not where it was asked to."""
    if not asked.startswith("cuda"):
        return "cpu", ()
    missing = preload()
    import ctranslate2

    if ctranslate2.get_cuda_device_count() < 1:
        return "cpu", (f"{asked} was asked for, but CTranslate2 finds no GPU; whisper runs on the CPU",)
    if missing:
        raise EngineFault(
            f"{asked}: CTranslate2 needs {' and '.join(missing)}, which are not there",
            "run: demod-voice engines install whisper --device cuda",
        )
    return asked, ()


def _beam(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_BEAM:
        raise BadRequest(f"option beam must be a whole number of 1 to {MOST_BEAM}, not {text!r}")
    return int(text)


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]
