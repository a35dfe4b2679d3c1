"""The desk: the reviewers' pages inside Flower, and the door that all of Flower stands behind.

``frame`` puts our pages, tab and templates into Flower; ``gate`` says who somebody is and what they may do,
for every handler of Flower and of ours; ``language`` has the two languages. ``sign_in`` is the way in. A
page is made of three: a *page model* in ``pages`` (pure functions that build what is shown), a handler that
reads the database for it, a template.
"""

from __future__ import annotations

from typing import Any

from tasks.flower_options import options, settings_or_exit


def install() -> dict[str, Any]:
    """Put the desk into this process's Flower and return Flower's options.

    ``flowerconfig.py`` calls it before Flower makes its application.
    """
    chosen = settings_or_exit()
    # What is wrong with the settings is told first, in one line each; these load the rest of Sekisho.
    from web.desk import frame  # noqa: PLC0415
    from web.desk.services import DeskServices  # noqa: PLC0415

    frame.build(DeskServices.of(chosen))
    return {**options(chosen), **frame.OPTIONS}
