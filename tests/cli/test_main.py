"""The overview of verbs, and that each of them is there when it is asked for."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from fairtrial.cli.main import VERBS, application


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_asked_for_is_whole(verb):
    """Its own help stands for the line of the overview."""
    shown = CliRunner().invoke(application(verb), [verb, "--help"])
    assert shown.exit_code == 0
    assert "Stand for a verb" not in shown.output
    assert f"{verb} [OPTIONS]" in shown.output


def test_the_overview_lists_every_verb_in_workflow_order():
    """No verb has to be loaded for that; the systems that bring verbs stand below them."""
    lines = CliRunner().invoke(application(None), ["--help"]).output.splitlines()
    listed = [line.split()[0] for line in lines[lines.index("Commands:") + 1 :] if line.strip()]
    assert listed[: len(VERBS)] == list(VERBS)
