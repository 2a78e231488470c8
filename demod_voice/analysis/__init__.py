"""What engines hear in a recording: speech, words, speakers. Knows no feature."""
