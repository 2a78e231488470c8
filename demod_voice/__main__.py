"""``python -m demod_voice``."""

import sys

from demod_voice.cli import main

if __name__ == "__main__":
    sys.exit(main())
