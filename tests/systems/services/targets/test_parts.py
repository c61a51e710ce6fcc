"""Tests of what targets check before anything starts."""

from __future__ import annotations

import socket

import pytest

from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.resources.process import free_port
from fairtrial.systems.services.targets.parts import need, place, reach, site

WEB = ("http", "https")


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://host", ("http", "host", 80)),
        ("https://host:8443/path?x=1", ("https", "host", 8443)),
        ("http://user:word@[::1]:9000/", ("http", "::1", 9000)),
        ("http://host:0", ("http", "host", 0)),
    ],
)
def test_an_address_is_split_into_scheme_host_and_port(url, found):
    """The port is the usual one where none is named."""
    assert place(url, schemes=WEB, port=80) == found


@pytest.mark.parametrize(
    "url", ["host:80", "ftp://host", "http://", "http://host:port", "http://host:70000", "http://[::1"]
)
def test_what_is_no_address_is_the_users_mistake_with_the_form_it_should_have(url):
    """Every one says `http://HOST:80`."""
    with pytest.raises(UserError, match=r"malformed.*write http://HOST:80"):
        place(url, schemes=WEB, port=80)


def test_a_message_about_an_address_never_holds_its_password():
    """What is malformed may hold one."""
    for url in ("hunter2@host", "ftp://user:hunter2@host", "http://user:hunter2@host:99999", "http://user:hunter2"):
        with pytest.raises(UserError) as problem:
            place(url, schemes=WEB, port=80)
        assert "hunter2" not in str(problem.value)


def test_a_site_has_neither_path_nor_password():
    """It is what may be written into a report; IPv6 keeps its brackets."""
    assert site("https://user:word@host/path", schemes=WEB, port=443) == "https://host:443"
    assert site("http://[::1]", schemes=WEB, port=80) == "http://[::1]:80"


def test_what_listens_is_reached_and_what_does_not_is_said():
    """A listener passes, a closed port is a ServiceFailed with the reason."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        reach("127.0.0.1", listener.getsockname()[1], what="it")
    port = free_port()
    with pytest.raises(ServiceFailed, match=f"it at 127.0.0.1:{port} does not answer: Connection refused"):
        reach("127.0.0.1", port, what="it")


def test_a_library_that_is_missing_is_said_with_its_extra():
    """One that is there passes."""
    need("json", extra="x", whom="it")
    with pytest.raises(MissingPart, match=r"it needs no_such_thing \(pip install 'fairtrial\[x\]'\)"):
        need("no_such_thing", extra="x", whom="it")
