"""Nothing. The TTS library asks whether ``torchcodec`` can be found, and this engine never calls it.

It would read sound files through FFmpeg; a worker only gets WAVs that the program wrote, and ``xtts_library`` reads them.
"""
