"""Hashing, atomic writes, locks, steps, run folders: how work is kept, resumed and never repeated."""
