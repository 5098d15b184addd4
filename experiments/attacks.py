"""One hostile request: what is sent, at what pace, and which answers are right."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.raw_requests import Answer, Connection, NoHTTPError

Random = np.random.Generator

#: Among the right answers: the connection is closed without one.
CLOSED = 0
#: What becomes of an attack that the server ought to have answered otherwise begins with it.
WRONG = "wrong: "

# The server allows 30 seconds to send and 60 for the whole.
_PATIENCE = 75.0
_CRAWL = (64, 0.5)  # bytes at once, and seconds between
_CRAWLING = 20.0
_TOLD = 160  # bytes of what was sent that are told


class Attack(NamedTuple):
    """A hostile request, or several on one connection.

    Attributes
    ----------
    script : sequence of bytes, memoryview or float
        What is sent, and for how many seconds nothing is.
    right : sequence of set of int
        The statuses that are right, for each answer that is due; `CLOSED` among them where HTTP
        allows to close the connection instead.
    ending : {"wait", "half", "reset", "crawl"}
        What follows the script: the client waits; says that nothing more comes, and waits; breaks
        the connection; or reads an answer a few bytes at a time.
    method : str
        Of the request.
    is_slow : bool
        Whether it is made to last: many of these go on at once.
    check : callable, optional
        Says what is wrong with an answer of a right status, if anything.
    kind : str
        Its name.
    """

    script: Sequence[bytes | memoryview | float]
    right: Sequence[set[int]]
    ending: str = "wait"
    method: str = "GET"
    is_slow: bool = False
    check: Callable[[Answer], str] | None = None
    kind: str = ""


Make = Callable[[Random, str], Attack]
"""Draws an attack on a server whose ``Host`` is given."""


class Outcome(NamedTuple):
    """What became of an attack.

    Attributes
    ----------
    kind : str
    what : str
        The statuses of the answers in their order, "closed" for a connection that was closed; what
        is not right begins with `WRONG`.
    seconds : float
    sent : str
        How what was sent begins.
    """

    kind: str
    what: str
    seconds: float
    sent: str


async def play(attack: Attack, port: int, *, patience: float = _PATIENCE) -> Outcome:
    """Send an attack and judge the answers.

    Parameters
    ----------
    attack : Attack
    port : int
    patience : float, default=75.0
        Seconds after which the server counts as silent.

    Returns
    -------
    Outcome
    """
    began = time.monotonic()
    try:
        async with asyncio.timeout(patience):
            what = await _converse(attack, port)
    except TimeoutError:
        what = f"{WRONG}silent"
    except ConnectionError as error:
        what = f"{WRONG}no connection ({type(error).__name__})"
    first = next((step for step in attack.script if not isinstance(step, float)), b"")
    return Outcome(attack.kind, what, time.monotonic() - began, repr(bytes(first[:_TOLD])))


async def _converse(attack: Attack, port: int) -> str:
    receive_buffer = 4096 if attack.ending == "crawl" else None
    async with Connection(port, receive_buffer=receive_buffer) as connection:
        # Answers may come while the request is still being sent, as they must where it is refused.
        sender = asyncio.create_task(_send(attack, connection))
        try:
            if attack.ending == "reset":
                await sender
                connection.reset()
                return "broken off by the client"
            if attack.ending == "crawl":
                return await _crawl(connection)
            return await _judge(attack, connection)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)


async def _send(attack: Attack, connection: Connection) -> None:
    try:
        for step in attack.script:
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                await connection.send(step)
        if attack.ending == "half":
            connection.send_no_more()
    except OSError:
        pass  # the server takes no more: its answer says why


async def _judge(attack: Attack, connection: Connection) -> str:
    found: list[str] = []
    for right in attack.right:
        try:
            answer = await connection.answer(attack.method)
        except NoHTTPError as error:
            return f"{WRONG}{' '.join([*found, 'no HTTP'])}: {error}"
        found.append("closed" if answer is None else str(answer.status))
        if (CLOSED if answer is None else answer.status) not in right:
            allowed = " or ".join(str(status or "closed") for status in sorted(right))
            return f"{WRONG}{' '.join(found)}, not {allowed}"
        if answer is None:
            break
        fault = _fault(answer, attack.method) or (attack.check(answer) if attack.check else "")
        if fault:
            return f"{WRONG}{' '.join(found)}, {fault}"
    return " ".join(found)


def _fault(answer: Answer, method: str) -> str:
    """Say what is wrong with an error, which must be told in JSON."""
    if b"Traceback" in answer.body or b"root:" in answer.body:
        return "a look inside"
    if answer.status < 400 or method == "HEAD":
        return ""
    try:
        error = json.loads(answer.body)["error"]
        told = error["code"] and error["message"]
    except (ValueError, KeyError, TypeError):
        told = False
    if not told or not answer.kind.startswith("application/json"):
        return f"no JSON error but {answer.kind or 'nothing'}: {answer.body[:80]!r}"
    return ""


async def _crawl(connection: Connection) -> str:
    """Read a little at a time, for a while or until the server has enough of it."""
    size, pause = _CRAWL
    until = time.monotonic() + _CRAWLING
    while time.monotonic() < until:
        if not await connection.receive(size):
            return "closed on a slow reader"
        await asyncio.sleep(pause)
    return "answered a slow reader"
