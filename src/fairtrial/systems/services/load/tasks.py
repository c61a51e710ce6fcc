"""Many tasks of which none may fail unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

Task = asyncio.Task[None]


class Tasks:
    """Starts tasks, and raises what the first one raises to whoever waits."""

    def __init__(self) -> None:
        self.running: set[Task] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, work: Coroutine[Any, Any, None]) -> Task:
        """Run it beside the others."""
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def watch(self, end: Coroutine[Any, Any, None] | asyncio.Future[None], limit_s: float | None = None) -> None:
        """Wait for the end, or for so long; raise at once what a task raised."""
        ended = asyncio.ensure_future(end)
        try:
            await asyncio.wait({ended, self._failed}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if self._failed.done():
            self._failed.result()

    async def finish(self, limit_s: float) -> None:
        """Wait for all tasks for so long, then cancel those that are left."""
        if self.running:
            await asyncio.wait(set(self.running), timeout=limit_s)
        await self.end()
        if self._failed.done():
            self._failed.result()

    async def end(self) -> None:
        """Cancel all tasks and wait for their end."""
        while self.running:  # whoever ends may still start another
            for task in self.running:
                task.cancel()
            await asyncio.wait(set(self.running))

    def _ended(self, task: Task) -> None:
        self.running.discard(task)
        problem = None if task.cancelled() else task.exception()
        if problem is not None and not self._failed.done():
            self._failed.set_exception(problem)
            self._failed.exception()  # seen, even where nobody waits any more
