"""Runs a command that ends when its parent does: ``python -I -S tether.py PARENT COMMAND…``.

Linux sends the signal when the *thread* that started the command ends (prctl(2), PR_SET_PDEATHSIG), so
children are started from the main thread. Other systems know nothing like it: there a command outlives a
parent that was killed with SIGKILL.
"""

import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the parent ended before its child began")
    os.execv(command[0], command)  # noqa: S606 - the command is ours, and no shell reads it


if __name__ == "__main__":
    main()
