from __future__ import annotations

import pytest

from pipeline.people import Person, Role


@pytest.mark.parametrize(
    ("role", "may"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.REVIEWER, {Role.VIEWER, Role.REVIEWER}),
        (Role.OFFICER, {Role.VIEWER, Role.REVIEWER, Role.OFFICER}),
        (Role.OPERATOR, {Role.VIEWER, Role.OPERATOR}),
    ],
)
def test_what_each_role_may_do(role: Role, may: set[Role]) -> None:
    assert {needed for needed in Role if Person("ann", role).may(needed)} == may
