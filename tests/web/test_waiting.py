"""Waiting for the feed: one question for all, and nobody is forgotten."""

from __future__ import annotations

import asyncio

from web.waiting import FeedWatch


class Feed:
    def __init__(self) -> None:
        self.position: int | Exception = 0
        self.asked = 0

    async def head(self) -> int:
        self.asked += 1
        if isinstance(self.position, Exception):
            raise self.position
        return self.position


def watch(feed: Feed, most: int = 100) -> FeedWatch:
    return FeedWatch(feed.head, interval=0.001, most=most)


def test_all_who_wait_share_one_question_and_are_woken_by_their_change() -> None:
    async def scene() -> None:
        feed = Feed()
        waiting = watch(feed)
        many = [asyncio.create_task(waiting.beyond(0, 60)) for _ in range(50)]
        later = asyncio.create_task(waiting.beyond(1, 60))
        await asyncio.sleep(0)
        assert waiting.waiting == 51
        feed.position = 1
        await asyncio.gather(*many)
        assert feed.asked <= 2
        assert not later.done()
        feed.position = 2
        await later
        asked = feed.asked
        assert waiting.waiting == 0
        await asyncio.sleep(0.01)
        assert feed.asked <= asked + 1, "nobody waits, nothing is asked"

    asyncio.run(scene())


def test_who_waits_in_vain_returns_in_time_and_the_next_is_served() -> None:
    async def scene() -> None:
        feed = Feed()
        waiting = watch(feed)
        await waiting.beyond(0, 0.005)
        assert waiting.waiting == 0
        await asyncio.sleep(0.01)
        feed.position = 1
        await asyncio.wait_for(waiting.beyond(0, 60), 30)

    asyncio.run(scene())


def test_beyond_the_limit_nobody_is_held_back() -> None:
    async def scene() -> None:
        waiting = watch(Feed(), most=1)
        first = asyncio.create_task(waiting.beyond(0, 60))
        await asyncio.sleep(0)
        await asyncio.wait_for(waiting.beyond(0, 60), 30)
        assert not first.done()
        first.cancel()

    asyncio.run(scene())


def test_an_outage_wakes_all_who_wait() -> None:
    async def scene() -> None:
        feed = Feed()
        feed.position = OSError("away")
        await asyncio.wait_for(watch(feed).beyond(0, 60), 30)

    asyncio.run(scene())
