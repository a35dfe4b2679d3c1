"""``python -m connectors.sandbox``: serve the sandbox until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from connectors.sandbox import access
from connectors.sandbox.server import Sandbox, listen, server
from connectors.sandbox.world import generate, load


def main(arguments: list[str] | None = None) -> None:
    """Read the options, announce the address, serve."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.sandbox", description="Registries to try Sekisho with."
    )
    parser.add_argument("--port", type=int, default=0, help="port of 127.0.0.1; 0 takes any free one")
    parser.add_argument(
        "--announce", metavar="FILE", help="where to write the address as JSON; else standard output"
    )
    parser.add_argument("--generate", type=int, default=0, metavar="N", help="add N companies made by chance")
    parser.add_argument("--seed", type=int, default=0, help="which companies --generate makes")
    options = parser.parse_args(arguments)

    world = load() + generate(options.generate, options.seed)
    listener, root = listen(options.port)
    sandbox = Sandbox(world, root)
    _announce(
        {
            "port": listener.getsockname()[1],
            "addresses": sandbox.addresses,
            "sources": access.sources(root),
        },
        options.announce,
    )
    # uvicorn raises the signal again once it has closed: that is a good end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    server(sandbox).run(sockets=[listener])


def _announce(announcement: dict[str, object], file: str | None) -> None:
    text = json.dumps(announcement) + "\n"
    if file is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    # Renamed into place: whoever waits for the file never reads half of it.
    path = Path(file)
    draft = path.with_name(path.name + ".draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    main()
