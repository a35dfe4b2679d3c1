"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def reference() -> Path:
    """The shared reference material, read in place.

    It is not part of the project. In CI its absence is a failure; elsewhere the tests that need it say why they
    do not run.
    """
    folder = Path(os.environ.get("SEKISHO_REFERENCE", CHECKOUT.parent / "shared" / "reference"))
    if not folder.is_dir():
        reason = f"the reference material is not at {folder}; SEKISHO_REFERENCE says where it is"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
