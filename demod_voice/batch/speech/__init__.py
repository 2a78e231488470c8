"""Rows that are spoken: whose voice, what it is known by, how it is made and how its file is written."""
