"""Clusters for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster import Cluster


@pytest.fixture
def make_cluster(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster on a fresh database of each kind; whatever was started is ended."""
    started: list[Cluster] = []

    def make(**options: Any) -> Cluster:
        cluster = Cluster(tmp_path, database_url, **options)
        started.append(cluster)
        return cluster

    yield make
    for cluster in started:
        cluster.close()
