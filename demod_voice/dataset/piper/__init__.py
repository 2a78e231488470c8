"""A folder that Piper's training reads, from a dataset."""
