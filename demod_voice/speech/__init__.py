"""One line of text becomes one checked take: prepared, chunked, seeded, guarded, retried, kept, cached."""
