"""A script becomes a mixed, mastered episode."""
