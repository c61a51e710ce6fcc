"""Connecting outside of the time of any request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.load.failure import FAILURES, classify
from fairtrial.systems.services.target import Session

TOGETHER = 64
"""Connections that are opened at a time: fewer than the usual backlog of a listening socket."""
CONNECT_S = 10.0
"""Seconds that a connection may take before the load begins, however short the time-out of a request is."""
CLOSE_S = 2.0


async def connect(session: Session, timeout_s: float) -> BaseException | None:
    """Connect a session; return why that failed, or None."""
    try:
        async with asyncio.timeout(timeout_s):
            await session.connect()
    except FAILURES as problem:
        return problem
    return None


async def connect_all(sessions: Sequence[Session], timeout_s: float) -> None:
    """Connect sessions, some at a time. Raises ServiceFailed for the first that cannot."""
    for at in range(0, len(sessions), TOGETHER):
        some = sessions[at : at + TOGETHER]
        found = await asyncio.gather(*[connect(session, max(timeout_s, CONNECT_S)) for session in some])
        for number, problem in enumerate(found, at + 1):
            if problem is not None:
                words = ": ".join(filter(None, (classify(problem)[1], str(problem))))
                raise ServiceFailed(f"connection {number} of {len(sessions)} failed: {words}")


async def close(session: Session) -> None:
    """Disconnect a session, for at most two seconds; what goes wrong then is nobody's loss."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await session.close()
    except FAILURES:
        return


async def close_all(sessions: Sequence[Session]) -> None:
    """Disconnect sessions."""
    await asyncio.gather(*[close(session) for session in sessions])


async def reconnect(session: Session, timeout_s: float) -> BaseException | None:
    """Leave what is left of a lost connection and connect anew; return why that failed, or None."""
    await close(session)
    return await connect(session, timeout_s)
