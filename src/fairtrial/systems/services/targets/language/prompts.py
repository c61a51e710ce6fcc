"""Prompts of a wanted length, unlike any other at their beginning where the server's cache must not know them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from fairtrial.errors import UserError
from fairtrial.systems.services.targets.language.generation import Generation
from fairtrial.systems.services.targets.language.lengths import draw

WORDS = """
ability action activity age agency air amount animal answer area arm art article artist author baby back bank bed
behavior board body book box boy brother building business call car care case center change child choice church city
class college color company computer control cost country course court culture cup data day decision degree director
disease doctor dog door east effect end energy event eye face fact factor family father field fight figure film fire
floor foot force form friend fund future game girl goal ground group growth hair hand head health heart history home
hospital hour house idea image industry interest issue job kid kind land language law leader letter level life light
line list look loss lot love man market material matter media member mind minute moment money month mother movement
movie music name nation nature need news night north number office official oil order others page paper parent part
party patient people period person phone picture piece place plan plant player point policy position power practice
pressure price problem process product program project quality question race rate reason record region report research
resource response rest result right risk road role room rule scene school season sense series service show side sign
site size son sound source south space staff star state step stock store story street student study subject success
summer support system table tax teacher team term test thing thought time top town tree type use value view voice wall
water way week west wife window woman word work worker world year
"""
VOCABULARY = WORDS.split()
"""256 common words; each is one token of SmolLM2's vocabulary, at the beginning as after a blank."""

SALT_WORDS = 6
"""256 words to the power of 6: no two requests begin alike, and almost none share more than two words."""
RING = 8192
BLOCK = 256

Prompt = str | list[dict[str, Any]]
"""A text, or the messages of a chat."""


class Prompts:
    """Where requests get their prompts: made of common words, or read from a file.

    A cold prompt begins with a salt that is new in every process and for every request, whatever the seed is: equal
    seeds give equal lengths and words behind it. Warm prompts come from a small pool that is always the same.
    """

    def __init__(self, parameters: Generation) -> None:
        self._words = parameters
        self._nonce = secrets.token_bytes(16)

    def pool(self) -> list[Prompt]:
        """Return the warm prompts."""
        if self._words.prompts is not None:
            return [self._shaped(prompt) for prompt in read(Path(self._words.prompts))]
        rng = np.random.default_rng(0)
        ring = _ring(rng)
        lengths = draw(self._words.prompt_tokens, rng, self._words.distinct).tolist()
        return [self._shaped(_slice(ring, int(rng.integers(RING)), length)) for length in lengths]

    def endless(self, client: int, rng: np.random.Generator) -> Iterator[Prompt]:
        """Yield the prompts of one virtual user, salted where the cache must be cold."""
        if self._words.cache == "warm":
            yield from _picked(self.pool(), rng)
        texts = self._made(rng) if self._words.prompts is None else _picked(self.pool(), rng)
        for number, prompt in enumerate(texts):
            yield self._salted(prompt, self.salt(client, number))

    def salt(self, client: int, number: int) -> str:
        """Return what a cold prompt begins with: SALT_WORDS words."""
        digest = blake2b(f"{client}/{number}".encode(), key=self._nonce, digest_size=SALT_WORDS).digest()
        return " ".join([VOCABULARY[byte] for byte in digest])

    def _made(self, rng: np.random.Generator) -> Iterator[Prompt]:
        ring = _ring(np.random.default_rng(0))
        while True:
            lengths = draw(self._words.prompt_tokens, rng, BLOCK).tolist()
            for start, length in zip(rng.integers(RING, size=BLOCK).tolist(), lengths, strict=True):
                yield self._shaped(_slice(ring, start, length))

    def _shaped(self, prompt: Prompt) -> Prompt:
        """Make a text the message of a chat where that is asked for. Raises UserError for messages to complete."""
        if self._words.operation == "chat":
            return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        if isinstance(prompt, str):
            return prompt
        raise UserError(f"{self._words.prompts!r} holds messages, which are a chat", hint="operation: chat")

    def _salted(self, prompt: Prompt, salt: str) -> Prompt:
        if isinstance(prompt, str):
            return f"{salt} {prompt}"
        first, *others = prompt
        if self._words.salt == "system" and first.get("role") != "system":
            return [{"role": "system", "content": salt}, *prompt]
        return [{**first, "content": f"{salt} {first.get('content', '')}"}, *others]


def read(path: Path) -> list[Prompt]:
    """Read a file of prompts: a text a line, or JSON Lines with `prompt` or `messages`. Raises UserError."""
    try:
        lines = [line for line in path.read_text().splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as problem:
        raise UserError(f"prompts cannot be read from {str(path)!r}: {problem}") from problem
    if not lines:
        raise UserError(f"{str(path)!r} holds no prompt", hint="one a line")
    return [_prompt(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]


def _prompt(line: str, where: str) -> Prompt:
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except ValueError as problem:
        raise UserError(f"{where}: no JSON: {problem}") from problem
    found = record.get("prompt", record.get("messages"))
    if not found or not isinstance(found, str | list):
        raise UserError(f"{where}: neither prompt nor messages")
    return found


def _picked(pool: list[Prompt], rng: np.random.Generator) -> Iterator[Prompt]:
    while True:
        for index in rng.integers(len(pool), size=BLOCK):
            yield pool[index]


def _ring(rng: np.random.Generator) -> list[str]:
    """Return random words, of which prompts are slices."""
    return [VOCABULARY[index] for index in rng.integers(len(VOCABULARY), size=RING)]


def _slice(ring: list[str], start: int, count: int) -> str:
    """Return `count` words of the ring from `start` on, around its end."""
    end = start + count
    if end <= RING:
        return " ".join(ring[start:end])
    return " ".join([ring[place % RING] for place in range(start, end)])
