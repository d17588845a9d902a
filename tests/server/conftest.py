"""A served instance as its sockets find it."""

from __future__ import annotations

import pytest


@pytest.fixture
def url(server):
    return str(server.make_url("")).rstrip("/")


@pytest.fixture
def listen(url, open_socket):
    """A socket with the credential of a signed-in user."""
    return lambda client: open_socket(url, **client.headers)
