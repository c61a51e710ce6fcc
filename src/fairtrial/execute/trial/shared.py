"""What trials share, made and torn down by this process: one at a time, for engine `inline` and inside a keeper."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

STEP_S = 0.05


def ails(tend: Callable[[Any], str], handle: Any) -> str:
    """Ask whether a resource no longer works, and why; one that cannot be asked is not relied on."""
    try:
        return str(tend(handle))
    except BaseException as problem:  # noqa: BLE001 it is the user's code
        return f"{type(problem).__name__}: {problem}"


class Shared:
    """Holds the resource of the key that was asked for last."""

    def __init__(self, load: Callable[[], Any], folder: str) -> None:
        """`load` gives an object with `setup(parameters, scratch)` and `teardown(handle)`."""
        self._load, self._folder = load, folder
        self._key: str | None = None
        self._owner: Any = None
        self._handle: Any = None
        self.served = False
        """Something was set up once."""

    def handle(self, key: str, parameters: Mapping[str, Any]) -> Any:
        """Return the JSON handle for a key, tearing another key's resource down first. Raises what `setup` raises."""
        if key == self._key:
            return self._handle
        self.close()
        os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103
        self._owner = self._load()
        self._handle = json.loads(json.dumps(self._owner.setup(parameters, Path(self._folder))))
        self._key, self.served = key, True
        return self._handle

    def ailing(self, patience_s: float) -> str:
        """Say why the resource no longer works; '' where it still does after so long, and where nobody can say."""
        tend = getattr(self._owner, "ailing", None)
        if self._key is None or tend is None:
            return ""
        until = time.monotonic() + patience_s
        while not (why := ails(tend, self._handle)) and time.monotonic() < until:
            time.sleep(STEP_S)
        return why

    def close(self) -> None:
        """Tear down what is there. Raises what `teardown` raises."""
        if self._key is not None:
            self._key = None
            self._owner.teardown(self._handle)
