"""Redis, attached to: get and set of values over a key space of the trial's own, one command in flight a connection."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from fairtrial.errors import ServiceFailed, UserError
from fairtrial.model.secret import Secret
from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.target import Endpoint, Request, Session
from fairtrial.systems.services.targets.parts import need, place, reach, site

PORT = 6379
SCHEMES = ("redis", "rediss")
COUNTERS = (
    "total_commands_processed",
    "total_connections_received",
    "rejected_connections",
    "keyspace_hits",
    "keyspace_misses",
    "evicted_keys",
    "expired_keys",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "connected_clients",
    "used_memory",
    "used_memory_rss",
    "used_cpu_user",
    "used_cpu_sys",
    "server_time_usec",
)
"""What is read of INFO."""


class Redis(Words):
    """Parameters of the target `redis`."""

    kind: Literal["redis"] = Field(default="redis", description="Redis, or what speaks its protocol.")
    host: str = Field(default="127.0.0.1", min_length=1, description="Where it listens.")
    port: int = Field(default=PORT, ge=1, le=65_535, description="The port it listens on.")
    url: str | Secret | None = Field(
        default=None,
        description=f"In place of host and port: redis://HOST:{PORT}/DB, rediss:// for TLS; with a password a secret.",
    )
    operation: Literal["get", "set", "mix"] = Field(default="get", description="mix: both, by set_share.")
    set_share: float = Field(default=0.1, gt=0, lt=1, description="Mix: share of the requests that set.")
    value_bytes: int = Field(default=256, ge=1, le=2**24, description="Size of a value.")
    keys: int = Field(default=10_000, ge=1, le=10_000_000, description="Keys that are loaded before, and drawn from.")
    prefix: str = Field(
        default="fairtrial", min_length=1, description="Keys are PREFIX:0 and so on; removed afterwards."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | Secret | None) -> str | Secret | None:
        if not isinstance(url, str):
            return url
        try:
            place(url, schemes=SCHEMES, port=PORT)
            if urlsplit(url).password:
                raise UserError(
                    "the address holds a password", hint="url: {secret: NAME}, with NAME in the environment"
                )
        except UserError as problem:
            raise ValueError(str(problem)) from None
        return url

    @property
    def address(self) -> str:
        """The address, with its password where it has one. Raises UserError for one that is malformed."""
        if self.url is None:
            return f"redis://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"
        url = self.url.reveal() if isinstance(self.url, Secret) else self.url
        place(url, schemes=SCHEMES, port=PORT)
        return url


class RedisTarget:
    """The adapter of Redis."""

    kind: ClassVar[str] = "redis"
    measures: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, parameters: Redis) -> None:
        self._words = parameters
        self.operations = ("get", "set") if parameters.operation == "mix" else (parameters.operation,)

    def server(self) -> None:
        """Attach: none is started."""

    def require(self) -> None:
        """Check the extra, the address, and that something listens. Raises MissingPart, UserError, ServiceFailed."""
        need("redis", extra="redis", whom="target redis")
        _, host, port = place(self._words.address, schemes=SCHEMES, port=PORT)
        reach(host, port, what="redis")

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say how it is reached, without user and password."""
        return {"url": site(self._words.address, schemes=SCHEMES, port=PORT)}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Write every key, and count that all are there. Raises ServiceFailed."""
        from fairtrial.systems.services.targets.stores.resp import Link

        words = self._words
        async with Link(words.address) as link:
            await link.fill(words, seed)
            said = await link.info()
        return {
            "version": str(said.get("redis_version", "")),
            "keys": words.keys,
            "value_bytes": words.value_bytes,
            "parser": link.parser,
            "settings": {name: said[name] for name in ("maxmemory", "maxmemory_policy", "aof_enabled") if name in said},
        }

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Return the server's own counters, from INFO; {} where it is gone."""
        from fairtrial.systems.services.targets.stores.resp import Link

        try:
            async with Link(self._words.address) as link:
                said = await link.info()
        except ServiceFailed:
            return {}
        return {name: float(said[name]) for name in COUNTERS if name in said}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say that keys were thrown out for want of memory."""
        evicted = after.get("evicted_keys", 0.0) - before.get("evicted_keys", 0.0)
        return f"the server evicted {evicted:g} keys during the load: its maxmemory is too small" if evicted > 0 else ""

    def derived(self, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
        """Return the CPU that the server used (cores) and its resident memory, as it counts them itself."""
        passed_s = (after.get("server_time_usec", 0.0) - before.get("server_time_usec", 0.0)) * 1e-6
        if not before or passed_s <= 0:
            return {}
        used_s = sum(after[name] - before[name] for name in ("used_cpu_user", "used_cpu_sys"))
        return {"server_cpu_cores": used_s / passed_s, "server_rss_bytes": after["used_memory_rss"]}

    async def tidy(self, endpoint: Endpoint) -> None:
        """Remove the keys."""
        from fairtrial.systems.services.targets.stores.resp import Link

        with contextlib.suppress(ServiceFailed):
            async with Link(self._words.address) as link:
                await link.remove(self._words)

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make the connection of one virtual user."""
        from fairtrial.systems.services.targets.stores.resp import Line

        return Line(self._words.address)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Return the endless commands of one virtual user, keys drawn uniformly."""
        import numpy as np

        from fairtrial.systems.services.targets.stores.resp import Command, packed, values

        rng = np.random.default_rng([seed, 1, client])
        stock = values(self._words, rng)
        sets = {"get": 0.0, "set": 1.0, "mix": self._words.set_share}[self._words.operation]
        last = len(self.operations) - 1

        def get(key: bytes) -> Request:
            return 0, Command(packed(b"GET", key), self._words.value_bytes)

        def put(key: bytes, turn: int) -> Request:
            return last, Command(packed(b"SET", key, stock[turn % len(stock)]), 0)

        return _drawn(get, put, self._words, sets=sets, rng=rng)


def _drawn(get: Any, put: Any, words: Redis, *, sets: float, rng: Any) -> Iterator[Request]:
    while True:
        chosen, writes = rng.integers(words.keys, size=1024).tolist(), (rng.random(1024) < sets).tolist()
        for turn, (number, write) in enumerate(zip(chosen, writes, strict=True)):
            key = f"{words.prefix}:{number}".encode()
            yield put(key, turn) if write else get(key)
