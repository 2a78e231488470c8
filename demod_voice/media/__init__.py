"""Decode, encode and probe sound files; foreign media only in a child process."""
