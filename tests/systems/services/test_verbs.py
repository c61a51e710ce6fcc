"""The verb `convert`: arguments, what it returns, what it refuses."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fairtrial.contract.verb import Verb
from fairtrial.errors import SpecError
from fairtrial.flow.verb import as_yaml, perform
from fairtrial.model.foreign import Foreign
from fairtrial.systems.services.verbs import Convert, ConvertArguments

RECIPE = "client: {type: postgres_stress}\nbenchmarks: {num_clients: 4}\n"


def test_it_is_a_verb_that_makes_a_study(tmp_path):
    """The recipe's study, with the levels that were asked for."""
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE)
    assert isinstance(Convert(), Verb)
    made = as_yaml(perform(Convert(), {"file": file, "clients": "1, 2,4"}, home=tmp_path))
    assert made.startswith("# Converted from recipe.yaml ")
    assert "load.clients: [1, 2, 4]" in made


def test_what_cannot_be_read(tmp_path):
    """One line with the file and the reason."""
    with pytest.raises(SpecError, match=r"none\.yaml: no such file"):
        perform(Convert(), {"file": tmp_path / "none.yaml"}, home=tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="no UTF-8 text"):
        perform(Convert(), {"file": tmp_path / "bytes"}, home=tmp_path)


@pytest.mark.parametrize("clients", ["0", "a", "1,,x", "-2", "1.5"])
def test_levels_are_whole_numbers_of_at_least_one(clients):
    """Anything else is refused before the recipe is looked at."""
    with pytest.raises(ValidationError, match="no list of numbers of clients"):
        ConvertArguments(file=Foreign({}), clients=clients)
