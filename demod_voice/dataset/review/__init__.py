"""Reviewing a dataset by ear: the journal of decisions, how it becomes rows, and the local page that it is made with."""
