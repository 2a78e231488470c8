"""The table of command groups, and the text of ``demod-voice --help`` made from it. Imports nothing."""

from __future__ import annotations

PROGRAM = "demod-voice"

GROUPS = {
    "episode": ("episode", "Turn a script into a finished show"),
    "batch": ("batch", "A table of texts or scripts: a row an output, resumed row by row"),
    "speak": ("speak", "Say a text: to a file, or to stdout as it is made"),
    "text": ("text", "Show what an engine will be given: words, or phonemes"),
    "lexicon": ("lexicon", "Check pronunciations, and see where they apply"),
    "voices": ("voices", "List, try, add and carry voices, with their consent"),
    "dataset": ("dataset", "Recordings into clean, reviewed training data"),
    "speaker": ("speaker", "Whose voice is it: embed, compare, verify, identify, calibrate"),
    "transcribe": ("transcribe", "What is said in a recording: text, subtitles, word times"),
    "align": ("align", "When each word of a known text is said in a recording"),
    "separate": ("separate", "A recording as its dialogue and its background"),
    "audio": ("audio", "Look at, convert, clean and normalise sound files"),
    "engines": ("engines", "Install, inspect and check speech engines"),
    "devices": ("devices", "GPUs: which there are, what they do, which may be used"),
    "models": ("models", "Pull, import, check and remove the models of engines"),
    "xtts": ("xtts", "Speak with the voice of a few seconds of recording"),
    "piper": ("piper", "Piper voices straight from their model files"),
    "csm": ("csm", "Sesame's CSM from anchors and adapters"),
    "bench": ("bench", "Measure how fast the engines of this machine are"),
    "cache": ("cache", "Look at, shrink or empty the speech cache"),
    "config": ("config", "Show, check and change the settings"),
    "health": ("health", "Check that what is configured works on this machine"),
    "completion": ("completion", "Print the completion script of a shell"),
}
"""Name -> (module under ``demod_voice.cli`` that has ``register(parser)``, one-line summary)."""

ALIASES = {
    "piper-infer": ("piper", "infer"),
    "piper-preprocess": ("piper", "preprocess"),
    "xtts-zero-shot": ("xtts", "zero-shot"),
}
"""Older spelling -> the words it stands for."""

DEFAULT_COMMANDS = {"batch": "run"}
"""Group -> its command that is meant where a file stands in the place of one."""

GLOBAL_FLAGS: tuple[tuple[tuple[str, ...], str | None, str], ...] = (
    (("-v", "--verbose"), None, "Say more on stderr; twice for everything"),
    (("-q", "--quiet"), None, "Only results and errors; no progress, no notes"),
    (("--json",), None, "Results as JSON on stdout, an error as one JSON line on stderr"),
    (("--progress",), "auto|json|off", "Bars on a terminal, one JSON event a line on stderr, or nothing"),
    (("--log-file",), "FILE", "Append every log record to FILE"),
    (("--config",), "FILE", "Use this settings file"),
    (("--set",), "KEY=VALUE", "Override one setting; may be given again"),
    (("--gpu",), "GPUS", "GPUs to use: all, none, 0,2,5, range:0-3, count:3 (any three)"),
    (("--gpu-exclude",), "NUMBERS", "GPUs to leave out: 1,3"),
    (("--gpu-memory-limit",), "PERCENT", "Most of each GPU's memory that may be in use"),
    (("--gpu-strategy",), "HOW", "Spread workers, fill one GPU first: balanced, pack, fastest"),
)
"""Flags that every command takes, before or after its name: (spellings, value or None for a switch, help)."""

SETTING_FLAGS = {
    "gpu": "gpu.use",
    "gpu_exclude": "gpu.exclude",
    "gpu_memory_limit": "gpu.memory_limit",
    "gpu_strategy": "gpu.strategy",
}
"""Those of them that override a setting: flag -> its key."""

EXAMPLES = (
    ("render an episode", "demod-voice episode render script.md -o show.mp3"),
    ("say something", 'demod-voice speak "Hello there." -o hello.wav'),
    ("see what is installed", "demod-voice health"),
)


def root_help(bold: bool = False) -> str:
    """The whole text of ``demod-voice --help``, at most 100 columns wide."""

    def heading(text: str) -> str:
        return f"\033[1m{text}\033[0m" if bold else text

    flags = [(_spelling(names, value), text) for names, value, text in GLOBAL_FLAGS]
    flags += [
        ("-h, --help", "Show this help; after a command, the help of that command"),
        ("--version", "Show the version"),
    ]
    commands = [(name, summary) for name, (_, summary) in GROUPS.items()]
    commands += [(name, f"Same as {' '.join(words)}") for name, words in ALIASES.items()]
    return "\n".join(
        [
            f"{heading('usage:')} {PROGRAM} [options] COMMAND ...",
            "",
            "From recordings, to a voice, to a finished show, on your own machine.",
            "",
            heading("commands:"),
            *_rows(commands),
            "",
            heading("options, before or after the command:"),
            *_rows(flags),
            "",
            heading("examples:"),
            *_rows([(f"{text}:", line) for text, line in EXAMPLES]),
            "",
        ]
    )


def _spelling(names: tuple[str, ...], value: str | None) -> str:
    return ", ".join(names) + (f" {value}" if value else "")


def _rows(pairs: list[tuple[str, str]]) -> list[str]:
    width = max(len(left) for left, _ in pairs)
    return [f"  {left:<{width}}  {right}" for left, right in pairs]
