"""docs/config.md: the reference of every setting, made from the dataclasses so that it cannot be out of date."""

from __future__ import annotations

from demod_voice.config import schema
from demod_voice.config.editing import yaml_text
from demod_voice.config.environment import CONFIG_VARIABLE, variable_of
from demod_voice.config.schema import Key
from demod_voice.config.values import limits_text

_HEAD = f"""\
# Settings

<!-- Made by `python -m demod_voice.cli.docs` from demod_voice/config/settings.py; change it there. -->

Four places, the later wins: the defaults below; the file `$XDG_CONFIG_HOME/demod-voice/config.yaml` (usually
`~/.config/demod-voice/config.yaml`; another one with `--config FILE` or `{CONFIG_VARIABLE}`); environment variables;
flags (`--set KEY=VALUE`, and the flags of each command).

```
demod-voice config init                 # a commented file to start from
demod-voice config show                 # every value in force, and where it comes from
demod-voice config set episode.pauses.speaker_ms 600
demod-voice config check                # every fault at once, with its line
```

```yaml
# ~/.config/demod-voice/config.yaml
language: de
episode:
  pauses:
    speaker_ms: 600
engines:
  search_path: [/srv/voice-engines]
  xtts:
    python: /opt/xtts/bin/python
```

A variable's name is `DEMOD_VOICE_`, then the key in capitals, with `__` for each dot:
`{variable_of("episode.pauses.speaker_ms")}`. In a variable and in a flag a list is written `one,two`, `one:two`, or as
YAML, `[one, 'two, three']`; true and false are also `yes`/`no`, `on`/`off`, `1`/`0`.

A key or a variable that does not exist is an error that names the nearest one, and so is a value of the wrong type or
outside its limits: nothing is started then.

Sizes are powers of 1024: `500MB`, `5GB`.
"""


def reference() -> str:
    """The whole text of docs/config.md."""
    parts = [_HEAD, _table("General", "", [key for key in schema.keys().values() if "." not in key.name])]
    for name, section in schema.sections().items():
        own = [key for key in schema.keys().values() if key.name.rpartition(".")[0] == name]
        parts.append(_table(f"`{name}`", section.doc, own))
        if name == "engines":
            doc = "An engine's own section, for any engine's name"
            parts.append(_table("`engines.<name>`", doc, schema.engine_keys()))
    return "\n".join(parts)


def _table(title: str, doc: str, keys: list[Key]) -> str:
    lines = [f"## {title}", ""]
    lines += [f"{doc[0].upper()}{doc[1:]}.", ""] if doc else []
    lines += ["| key | default | type | what it is for |", "|---|---|---|---|"]
    lines += [f"| `{key.name}` | `{yaml_text(key.default)}` | {limits_text(key)} | {_cell(key.doc)} |" for key in keys]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
