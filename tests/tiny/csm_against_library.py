"""Compare the csm engine's own loops with the library's ``generate`` and ``decode``: run by the csm interpreter.

    python csm_against_library.py MODEL WAV BACKEND SDK

Prints a JSON object: what agrees, and the largest difference of the sound.
"""

import json
import sys

model_folder, clip, backend, sdk = sys.argv[1:]
sys.path[:0] = [backend, sdk]

import torch  # noqa: E402
from codec import read_clip  # noqa: E402
from conversation import read_item  # noqa: E402
from csm_model import CsmModel  # noqa: E402
from demod_worker.messages import LoadRequest, SpeakItem, Voice  # noqa: E402
from transformers import AutoProcessor  # noqa: E402

GREEDY = {"temperature": 0}
FRAMES = 25


def frames(loaded, item):
    asked = read_item(item)
    row, _ = loaded.row(asked, 0, FRAMES / loaded.frame_rate)
    made = []
    loaded.generate([row], None, lambda _, frame: made.append(frame))
    return row.prompt, torch.stack(made)


def main():
    loaded = CsmModel(LoadRequest(model_folder))
    voice = Voice(references=(clip,), reference_texts=("Hello there.",))
    prompt, codes = frames(loaded, SpeakItem(0, "How are you?", voice=voice, style=GREEDY))
    sound = read_clip(clip, 24000).numpy()
    words = [{"type": "text", "text": "Hello there."}, {"type": "audio", "path": sound}]
    said = [{"role": "0", "content": words}, {"role": "0", "content": [{"type": "text", "text": "How are you?"}]}]
    given = AutoProcessor.from_pretrained(model_folder).apply_chat_template(said, tokenize=True, return_dict=True)
    model = loaded.model
    merged = model._merge_input_ids_with_input_values(
        given["input_ids"], given["input_values"], given["input_values_cutoffs"]
    )["inputs_embeds"][0]
    library = model.generate(**given, max_new_tokens=FRAMES, do_sample=False, depth_decoder_do_sample=False)[0]
    static = CsmModel(LoadRequest(model_folder, options={"cache": "static"}))
    whole = torch.randint(0, 64, (143, codes.shape[1]), generator=torch.Generator().manual_seed(1))
    decoded = model.codec_model.decode(whole.T[None]).audio_values[0, 0].detach()
    piecewise = loaded.sound()
    data = b"".join([piecewise.add(frame) for frame in whole] + [piecewise.end()])
    ours = torch.frombuffer(bytearray(data), dtype=torch.float32)
    found = {
        "same prompt": torch.equal(merged, prompt),
        "same codes": torch.equal(library, codes),
        "same codes with a static cache": torch.equal(
            frames(static, SpeakItem(0, "How are you?", voice=voice, style=GREEDY))[1], codes
        ),
        "same length": ours.shape == decoded.shape,
        "largest difference": float((ours - decoded).abs().max()),
        "largest sample": float(decoded.abs().max()),
    }
    print(json.dumps(found))


main()
