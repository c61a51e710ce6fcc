"""What may be shown of an address, and what it may be."""

from __future__ import annotations

import pytest

from fairtrial.model.tracking import has_password, public, scrub, unfit


@pytest.mark.parametrize(
    ("uri", "shown", "secret"),
    [
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db", False),
        ("http://host:5000", "http://host:5000", False),
        ("http://me:sesame@host:5000/x", "http://host:5000/x", True),
        ("http://me@host", "http://host", False),
        ("postgresql://u:p%40ss@host/db", "postgresql://host/db", True),
        ("postgresql://host/db?user=u&password=sesame", "postgresql://host/db", True),
        ("databricks", "databricks", False),
    ],
)
def test_what_is_shown_holds_no_secret(uri, shown, secret):
    """User, password and options are left out; the rest says where it is."""
    assert public(uri) == shown
    assert has_password(uri) is secret


def test_errors_are_scrubbed():
    """The address and its password, as written and as meant, vanish from what others say."""
    uri = "http://me:p%40ss@host:5000"
    said = scrub(f"no answer from {uri}/api: user me, password p@ss or p%40ss", uri)
    assert said == "no answer from http://host:5000/api: user me, password … or …"


@pytest.mark.parametrize("uri", ["mlruns", "./mlruns", "/tmp/mlruns", "file:///tmp/mlruns", "file:mlruns"])
def test_folders_hold_no_runs(uri):
    """MLflow's folders of files are refused."""
    assert unfit(uri) == "is a folder of files"


@pytest.mark.parametrize("uri", ["sqlite:///a.db", "http://host", "postgresql+psycopg://h/d", "databricks", "uc:x"])
def test_databases_and_servers_do(uri):
    """Whatever MLflow may know is tried."""
    assert unfit(uri) == ""
    assert unfit(" ") == "is empty"
