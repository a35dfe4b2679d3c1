"""Bar charts as SVG, complete in themselves."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH = 720
_LABEL = 280
_BAR = 18
_STEP = 28


def bars(title: str, rows: Sequence[tuple[str, int]]) -> str:
    """Horizontal bars with their labels and numbers; nothing where there are no rows."""
    if not rows:
        return ""
    height = _STEP * len(rows) + 8
    longest = max(count for _, count in rows) or 1
    room = _WIDTH - _LABEL - 90
    parts = []
    for place, (label, count) in enumerate(rows):
        y = 4 + place * _STEP
        width = max(1, round(room * count / longest))
        parts.append(
            f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="{_LABEL}" y="{y}" width="{width}" height="{_BAR}" fill="#0017c1"/>'
            f'<text x="{_LABEL + width + 6}" y="{y + 14}">{count:,}</text>'
        )
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'font-size="13" xmlns="http://www.w3.org/2000/svg"><title>{escape(title)}</title>'
        + "".join(parts)
        + "</svg>\n"
    )
