"""Changes the catalog as fast as it can, until it is killed or the feed is long enough.

``feed_writer.py URL CODES UNTIL SEED``: one of the first CODES products at a time is published anew, taken
out or put back. Some transactions take a position and hold it a while before they commit, some give it up.
"""

from __future__ import annotations

import random
import sys
import time

from sqlalchemy.exc import OperationalError

from pipeline.model import ChangeKind
from storage.database import Database
from tests.storage.shelf import Shelf

OUT = [kind for kind in ChangeKind if kind.is_out]


class GivenUp(Exception):
    """Raised in a transaction that has taken its position."""


def main() -> None:
    url, codes, until, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    chance = random.Random(seed)
    shelf = Shelf(Database(url, pool_size=1))
    listings = {}
    while True:
        with shelf.memory.read() as tx:
            if tx.listings.head() >= until:
                return
        for _ in range(20):
            code = f"product-{chance.randrange(codes)}"
            try:
                change(shelf, chance, listings, code)
            except GivenUp:
                continue
            except OperationalError:
                continue  # two waited for one another; the database let one of them go


def change(shelf: Shelf, chance: random.Random, listings: dict, code: str) -> None:
    if code not in listings or chance.random() < 0.2:
        listings[code] = shelf.publish(code, text="例" * chance.randrange(20))
        return
    with shelf.memory.write() as tx:
        if chance.random() < 0.5:
            tx.listings.take_out(listings[code], chance.choice(OUT), shelf.tick(), f"R{chance.randrange(3)}")
        else:
            tx.listings.put_back(listings[code], shelf.tick())
        fate = chance.random()
        if fate < 0.05:
            raise GivenUp
        if fate < 0.10:
            time.sleep(chance.random() / 100)


if __name__ == "__main__":
    main()
