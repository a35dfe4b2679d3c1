"""The corporate number (法人番号): thirteen digits, the first of them a check digit.

Source: 法人番号の指定等に関する省令 (Ministry of Finance ordinance 70 of 2014), article 2. With P(n) the n-th
digit from the right of the twelve that follow, and Q(n) 1 where n is odd and 2 where it is even, the check
digit is 9 − (Σ P(n)·Q(n) mod 9). It is never 0.
"""

from __future__ import annotations

_DIGITS = frozenset("0123456789")


def check_digit(body: str) -> str:
    """The check digit that belongs before these twelve digits.

    For a registered company the twelve digits are its company register number (会社法人等番号).

    :raises ValueError: when it is anything else than twelve ASCII digits.
    """
    if len(body) != 12 or not _DIGITS.issuperset(body):
        raise ValueError("the body of a corporate number is twelve digits")
    # Counted from the left, the even places of the twelve (0, 2, …) are the even n counted from the right.
    weighted = 2 * sum(map(int, body[0::2])) + sum(map(int, body[1::2]))
    return str(9 - weighted % 9)


def is_well_formed(number: str) -> bool:
    """Whether this is thirteen ASCII digits whose first is the right check digit.

    Well-formed is not assigned, assigned is not live, and live is not the applicant. A number with a wrong
    check digit is never mended by computing another: any of its digits may be the mistyped one.
    """
    return len(number) == 13 and _DIGITS.issuperset(number) and number[0] == check_digit(number[1:])
