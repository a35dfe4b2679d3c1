from __future__ import annotations

import pytest

from pipeline.people import Person, Role, normal_name


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


@pytest.mark.parametrize("name", ["Ａｎｎ", " ann ", "ANN"])
def test_a_name_has_one_form(name: str) -> None:
    assert normal_name(name) == "ann"


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a\u3000b", "a\nb", "a" * 101, "Policy", "ＲＥＶＩＥＷ", "vendor"]
)
def test_what_is_no_persons_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"person"):
        normal_name(name)
