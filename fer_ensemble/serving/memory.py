"""Memory that is free in this process, given back to the system."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable

#: Seconds between two looks at whether there may be something to give back.
SECONDS = 5.0


async def give_memory_back(count_work: Callable[[], int]) -> None:
    """Give free memory back every few seconds in which there was work, for ever.

    The C library keeps in each thread's heap what large pictures took there, and pictures of many
    threads and sizes leave holes in them, so that a server would seem to grow. It takes some
    milliseconds in a thread of its own.

    Parameters
    ----------
    count_work : callable
        Gives a number that has changed if there was work.
    """
    trim = _find_trim()
    if trim is None:
        return
    # In the thread that is to give it back, so that this begins with the server and not later.
    before = await asyncio.to_thread(count_work)
    while True:
        await asyncio.sleep(SECONDS)
        now = count_work()
        if now != before:
            await asyncio.to_thread(trim, 0)
        before = now


def _find_trim() -> Callable[[int], int] | None:
    """Find glibc's function for it; other C libraries have none."""
    if sys.platform != "linux":
        return None
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim
