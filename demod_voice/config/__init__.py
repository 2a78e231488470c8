"""Settings: defaults, file, environment, flags, merged once into a frozen ``Settings``."""

from demod_voice.config.loading import Loaded, load, load_settings
from demod_voice.config.settings import DEFAULTS, Settings

__all__ = ["DEFAULTS", "Loaded", "Settings", "load", "load_settings"]
