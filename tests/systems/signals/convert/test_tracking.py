"""Where runs are mirrored: the section becomes the study's word, and what MLflow does not take is refused."""

from __future__ import annotations

import pytest

from fairtrial.errors import SpecError
from fairtrial.spec.mirror import TrackingWords
from fairtrial.systems.signals.convert.harness import read
from fairtrial.systems.signals.convert.tracking import tracking


@pytest.fixture
def word(given, least):
    """(section) -> the study's word."""

    def of(section: str):
        document = given(f"{least}tracking: {section}" if section else least)
        return tracking(document, read(document).tracking)

    return of


def test_it_becomes_the_word_of_a_study(word) -> None:
    """Address, experiment, prefix and tags, where they are said."""
    said = "{tracking_uri: 'sqlite:///m.db', experiment_name: e, run_name_prefix: p, tags: {a: b}}"
    made = word(said)
    assert made == {"mlflow": {"uri": "sqlite:///m.db", "experiment": "e", "run_name_prefix": "p", "tags": {"a": "b"}}}
    assert TrackingWords.model_validate(made).mlflow.experiment == "e"
    assert word("{backend: mlflow}") == {"mlflow": {}}
    assert word("{backend: none, tracking_uri: 'sqlite:///m.db'}") == {}
    assert word("") == {}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{tracking_uri: ./mlruns}", "is a folder of files (write sqlite:///mlflow.db"),
        ("{tracking_uri: 'http://me:hush@host:5000'}", "the address holds a password"),
        ("{tags: {fairtrial.run: a}}", "'fairtrial.run' is no tag that a study may set"),
    ],
)
def test_what_a_mirror_refuses_is_refused_at_once(word, section, said) -> None:
    """With its place, and without the password."""
    with pytest.raises(SpecError) as problem:
        word(section)
    assert said in str(problem.value)
    assert str(problem.value).startswith("old.yaml:4: tracking.")
    assert "hush" not in str(problem.value)
