"""Readers and writers of files: episode scripts, manifests, subtitles."""
