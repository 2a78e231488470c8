"""Text work on strings: normalisation, sentences, chunks."""
