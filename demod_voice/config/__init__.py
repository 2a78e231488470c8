"""Settings: defaults, file, environment, flags, merged once into a frozen ``Settings``."""
