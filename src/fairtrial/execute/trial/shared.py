"""What trials share, made and torn down by this process: one at a time, for engine `inline` and inside a keeper."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Shared:
    """Holds the resource of the key that was asked for last."""

    def __init__(self, load: Callable[[], Any], folder: str) -> None:
        """`load` gives an object with `setup(parameters, scratch)` and `teardown(handle)`."""
        self._load, self._folder = load, folder
        self._key: str | None = None
        self._owner: Any = None
        self._handle: Any = None

    def handle(self, key: str, parameters: Mapping[str, Any]) -> Any:
        """Return the JSON handle for a key, tearing another key's resource down first. Raises what `setup` raises."""
        if key == self._key:
            return self._handle
        self.close()
        os.makedirs(self._folder, exist_ok=True)  # noqa: PTH103
        self._owner = self._load()
        self._handle = json.loads(json.dumps(self._owner.setup(parameters, Path(self._folder))))
        self._key = key
        return self._handle

    def close(self) -> None:
        """Tear down what is there. Raises what `teardown` raises."""
        if self._key is not None:
            self._key = None
            self._owner.teardown(self._handle)
