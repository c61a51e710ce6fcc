"""Prompts: their length, their salt, warm ones, and those from a file."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.services.targets.language.generation import Generation
from fairtrial.systems.services.targets.language.prompts import SALT_WORDS, VOCABULARY, Prompt, Prompts


def taken(count: int, *, client: int = 0, seed: int = 0, prompts: Prompts | None = None, **words: Any) -> list[Prompt]:
    """Return the first prompts of a virtual user."""
    made = prompts or Prompts(parameters(**words))
    return list(islice(made.endless(client, np.random.default_rng([seed, client])), count))


def parameters(**words: Any) -> Generation:
    """Make the parameters of a completion, unless told otherwise."""
    return Generation(**({"model": "m", "url": "http://h:1", "operation": "completion"} | words))


def head(prompt: Prompt) -> str:
    """Return the salt of a completion."""
    return " ".join(str(prompt).split()[:SALT_WORDS])


def test_the_vocabulary_has_a_word_for_each_byte():
    """So that a salt is as unlike as the bytes of its digest."""
    assert len(set(VOCABULARY)) == 256


def test_prompts_have_the_wanted_words_behind_their_salt():
    """Also where a slice goes around the end of the ring."""
    for count in (1, 40, 9000):
        assert {len(str(prompt).split()) for prompt in taken(3, prompt_tokens=count)} == {count + SALT_WORDS}


def test_no_two_cold_prompts_begin_alike():
    """Not those of one user, not those of two, and not those of two runs with one seed."""
    heads = [head(prompt) for run in range(2) for client in range(4) for prompt in taken(300, client=client)]
    assert len(set(heads)) == len(heads)


def test_equal_seeds_give_equal_words_behind_the_salt():
    """The load is the same in every condition; another seed's is not."""

    def bodies(seed: int) -> list[str]:
        lengths = {"uniform": [5, 50]}
        return [" ".join(str(text).split()[SALT_WORDS:]) for text in taken(600, seed=seed, prompt_tokens=lengths)]

    assert bodies(3) == bodies(3) != bodies(4)


def test_warm_prompts_are_few_and_the_same_in_every_run():
    """No salt; each of them comes."""
    words: dict[str, Any] = {"cache": "warm", "distinct": 3, "prompt_tokens": 12}
    pool = Prompts(parameters(**words)).pool()
    assert len(set(map(str, pool))) == 3
    assert set(map(str, taken(100, seed=5, **words))) == set(map(str, pool))


def test_the_salt_of_a_chat_comes_before_everything():
    """As a system's message, or at the head of the user's; behind it the messages are as they were."""
    system, user = taken(1, operation="chat", prompt_tokens=5)[0]
    assert (system["role"], user["role"]) == ("system", "user")
    assert (len(system["content"].split()), len(user["content"].split())) == (SALT_WORDS, 5)
    (only,) = taken(1, operation="chat", prompt_tokens=5, salt="user")[0]
    assert (only["role"], len(only["content"].split())) == ("user", 5 + SALT_WORDS)


def test_a_file_gives_texts_and_chats(tmp_path: Path):
    """A line each; a system's message that is there takes the salt."""
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    lines = ["Why is the sky blue?", "", json.dumps({"messages": chat}), json.dumps({"prompt": "What is\nthis?"})]
    file = tmp_path / "prompts.txt"
    file.write_text("\n".join(lines))
    made = Prompts(parameters(operation="chat", prompts=str(file)))
    assert [prompt[-1]["content"] for prompt in made.pool()] == ["Why is the sky blue?", "Why?", "What is\nthis?"]
    seen = [prompt for prompt in taken(60, prompts=made) if prompt[-1]["content"] == "Why?"]
    assert all(prompt[0]["content"].endswith(" Be brief.") and len(prompt) == 2 for prompt in seen)
    assert len({prompt[0]["content"] for prompt in seen}) == len(seen) > 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "prompts cannot be read from .*No such file"),
        ("\n\n", "holds no prompt"),
        ('ok\n{"prompt": 3}', "2: neither prompt nor messages"),
        ('{"prompt"', "1: no JSON"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "holds messages, which are a chat"),
    ],
)
def test_a_file_without_prompts_is_refused(tmp_path: Path, text: str | None, said: str):
    """With the line where it has one."""
    file = tmp_path / "prompts"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UserError, match=said):
        Prompts(parameters(prompts=str(file))).pool()
