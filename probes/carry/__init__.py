"""Carries other tools' configs over into ours, and says what it could not carry."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from probes.yamlfile.scalar import Ambiguous, understand

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._ -]+")
_LONGEST_NAME = 100

Words = dict[str, Any]


@dataclass
class Carried:
    """Probes in the words of our config, and a sentence for everything that has no word in it."""

    probes: list[Words] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, name: str, words: Words) -> None:
        """One more probe, under a name of its own; words without a value are left out."""
        clean = _NOT_IN_NAMES.sub("-", name).strip("-. ")[:_LONGEST_NAME] or "probe"
        taken = {probe["name"] for probe in self.probes}
        unique, number = clean, 2
        while unique in taken:
            unique, number = f"{clean[: _LONGEST_NAME - 5]} {number}", number + 1
        self.probes.append(
            {"name": unique} | {key: value for key, value in words.items() if value not in (None, {}, [])}
        )

    def lose(self, what: str, why: str) -> None:
        """Say what is not carried over."""
        sentence = f"{what}: {why}"
        if sentence not in self.lost:
            self.lost.append(sentence)

    def text(self) -> str:
        """The config as YAML; what was lost stands above it as comments."""
        head = ["# Not carried over:", *(f"#   {line}" for line in self.lost), ""] if self.lost else []
        probes = {"probes": self.probes}
        body = yaml.dump(probes, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=120)
        return "\n".join([*head, body])


class _Quoting(yaml.SafeDumper):
    """Quotes also the text that another version of YAML would read as something else, which our config refuses."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Text, in quotes where it could be taken for anything else."""
        try:
            plain = understand(text) == text
        except Ambiguous:
            plain = False
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else "'")


_Quoting.add_representer(str, _Quoting.represent_text)
