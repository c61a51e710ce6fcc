"""The verb `convert`: arguments, what it prints, what it refuses."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fairtrial.contract.verb import Verb
from fairtrial.errors import UserError
from fairtrial.systems.services.verbs import Convert, ConvertArguments

RECIPE = "client: {type: postgres_stress}\nbenchmarks: {num_clients: 4}\n"


def test_it_is_a_verb_that_prints_a_study(tmp_path):
    """The recipe's study as text, with the levels that were asked for."""
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    assert isinstance(Convert(), Verb)
    made = Convert().run(ConvertArguments(file=file, clients="1, 2,4"), None)
    assert made.startswith("# Converted from recipe.yaml ")
    assert "load.clients: [1, 2, 4]" in made


def test_what_cannot_be_read(tmp_path):
    """One line with the file and the reason."""
    with pytest.raises(UserError, match=r"cannot read .*none\.yaml: No such file"):
        Convert().run(ConvertArguments(file=tmp_path / "none.yaml"), None)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="it is no text"):
        Convert().run(ConvertArguments(file=tmp_path / "bytes"), None)


@pytest.mark.parametrize("clients", ["0", "a", "1,,x", "-2", "1.5"])
def test_levels_are_whole_numbers_of_at_least_one(clients):
    """Anything else is refused before the recipe is read."""
    with pytest.raises(ValidationError, match="no list of numbers of clients"):
        ConvertArguments(file="r.yaml", clients=clients)
