"""demod-voice: from recordings, to a voice, to a finished show, on your own machine."""

__version__ = "0.1.0"
