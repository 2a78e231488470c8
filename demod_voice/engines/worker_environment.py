"""What a worker sees of this process's environment variables: an allow list, its SDK, and its number of threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType

from demod_voice.config.settings import Settings
from demod_voice.engines.locate import sdk_folder

_ALLOWED = (
    "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "USER", "LOGNAME", "LD_LIBRARY_PATH", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "HF_HOME", "TTS_HOME", "SOURCE_DATE_EPOCH",
)  # fmt: skip
_ALLOWED_PREFIXES = ("LC_", "XDG_", "CUDA_", "NVIDIA_", "ROCR_", "HIP_", "TEST_FAKE_")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def worker_environment(settings: Settings, changes: Mapping[str, str | None] = MappingProxyType({})) -> dict[str, str]:
    """The variables of a worker. Hub tokens and everything that is not listed stay out.

    The hash seed is fixed: an engine that walks a set of names must not give other bytes in another process.

    Args:
        settings: threads of the worker.
        changes: those of the worker's place: which device it sees; None = without that variable.
    """
    environ = {
        name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES)
    }
    environ["PYTHONPATH"] = str(sdk_folder())
    environ["PYTHONUNBUFFERED"] = "1"
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    environ["PYTHONHASHSEED"] = "0"
    environ.update(dict.fromkeys(_THREAD_VARIABLES, str(settings.engines.threads)))
    environ.update({name: value for name, value in changes.items() if value is not None})
    return {name: value for name, value in environ.items() if changes.get(name, "") is not None}
