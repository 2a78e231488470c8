"""Judge, align and transcribe speech by driving engines; knows no feature."""
