"""What leaves the house: encoded files, tags, chapters, transcripts, and their verification."""
