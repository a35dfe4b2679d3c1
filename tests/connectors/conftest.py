"""A registry on this machine that answers, or misbehaves, as a test says."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator

import pytest

from connectors.conformance.registry import Act, Registry
from connectors.conformance.registry import message as _message


@pytest.fixture
def registry() -> Iterator[Callable[..., Registry]]:
    """``registry(act, …)`` starts one."""
    started: list[Registry] = []

    def start(*acts: Act, tls: ssl.SSLContext | None = None) -> Registry:
        started.append(Registry(acts, tls))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="session")
def message() -> Callable[..., bytes]:
    """An HTTP answer; see :func:`connectors.conformance.registry.message`."""
    return _message
