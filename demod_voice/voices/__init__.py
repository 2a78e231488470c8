"""Voices: what a voice is made of, where it is kept, who consented to it, and which engine speaks it."""
