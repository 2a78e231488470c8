"""Signal work on arrays: clips, resampling, levels, fades."""
