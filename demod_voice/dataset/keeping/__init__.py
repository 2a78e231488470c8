"""A finished dataset: checked, counted, exported, merged, and brought back to what it was."""
