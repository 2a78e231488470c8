"""Where a recording is cut: pauses, words, lines and turns become segments."""
