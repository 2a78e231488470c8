"""From long recordings to training data: ingest, clean, cut, judge, keep, review."""
