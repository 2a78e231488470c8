"""The numbers of Piper's phonemes: what every voice that reads espeak's IPA is trained with.

A phoneme is one code point of the decomposed (NFD) IPA; what stands in no table has no sound in a Piper voice.

Source: piper-tts 1.8, ``DEFAULT_PHONEME_ID_MAP``; a test compares it with an installed one.
"""

from __future__ import annotations

_SINGLE = (
    "_^$ !'(),-.:;?abcdefhijklmnopqrstuvw"
    "xyzæçðøħŋœǀǁǂǃɐɑɒɓɔɕɖɗɘəɚɛɜɞɟɠɡɢɣɤɥɦ"
    "ɧɨɪɫɬɭɮɯɰɱɲɳɴɵɶɸɹɺɻɽɾʀʁʂʃʄʈʉʊʋʌʍʎʏʐʑ"
    "ʒʔʕʘʙʛʜʝʟʡʢʲˈˌːˑ˞βθχᵻⱱ0123456789\u0327\u0303\u032a\u032f"
    '\u0329ʰˤε↓#"↑\u033a\u033bgʦX\u031d\u030aɝʷ'
)
"""In the order of their numbers, from 0."""
_CLUSTERS = ("aɪ", "aʊ", "ɔɪ", "eɪ", "oʊ")
"""Two vowels as one phoneme, for voices that merge them; they follow the single ones."""
PAD, BEGIN, END = "_", "^", "$"
PHONEME_IDS = {phoneme: [number] for number, phoneme in enumerate((*_SINGLE, *_CLUSTERS))}
"""Phoneme -> its numbers, as a voice's ``phoneme_id_map`` has it."""
