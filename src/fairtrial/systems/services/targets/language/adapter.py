"""What the adapters of language models have in common: prompts, readiness, and whether the cache was as declared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, ClassVar
from urllib.parse import urlsplit

import numpy as np

from fairtrial.errors import ServiceFailed, UnknownName
from fairtrial.systems.services.target import Endpoint, Reply, Request, RequestFailed
from fairtrial.systems.services.targets.language.lengths import draw
from fairtrial.systems.services.targets.language.posting import FIRST_S, Posting, ask
from fairtrial.systems.services.targets.language.prometheus import cached
from fairtrial.systems.services.targets.language.prompts import BLOCK, Prompt, Prompts
from fairtrial.systems.services.targets.language.sse import Stream
from fairtrial.systems.services.targets.parts import need

MEASURES = frozenset(
    {
        "ttft_p50_s",
        "ttft_p95_s",
        "ttft_p99_s",
        "tpot_p50_s",
        "tpot_p99_s",
        "inter_chunk_p50_s",
        "inter_chunk_p99_s",
        "stall_max_s",
        "tokens_per_s",
        "tokens_out_mean",
        "tokens_in_mean",
    }
)
"""The metrics of a language model beyond the common ones."""
PREPARING = 0x50
"""Which stream of random numbers, and which client, prepares."""


class LanguageTarget:
    """An adapter of a language model; formats of servers differ in the routes and in what has no body here."""

    kind: ClassVar[str]
    measures: ClassVar[frozenset[str]] = MEASURES
    root: ClassVar[str]
    """What an address without a path is followed by."""
    listing: ClassVar[tuple[str, str, str]]
    """Route that lists the models, the key of the list, the key of a name."""
    routes: ClassVar[Mapping[str, str]]
    """Operation -> route."""
    stream: ClassVar[type[Stream]]
    """Reads an answer that is streamed."""
    whole: ClassVar[Callable[[bytes], Reply]]
    """Reads one that is not."""
    elastic = True

    def __init__(self, parameters: Any) -> None:
        self.parameters: Any = parameters
        self.operations: tuple[str, ...] = (parameters.operation,)
        self.prompts = Prompts(parameters)

    def server(self) -> tuple[str, Mapping[str, Any]] | None:
        """Name the server that is started, with the model and the settings that were given."""
        if self.parameters.server == "attach":
            return None
        given = self.parameters.settings.model_dump(mode="json", exclude_none=True)
        return self.kind, {"model": self.parameters.model, **given}

    def require(self) -> None:
        """Check the library, the file of prompts and, of a server that is attached to, that it has the model."""
        need("aiohttp", extra="services", whom=f"target {self.kind}")
        if self.parameters.prompts is not None:
            self.prompts.pool()
        if self.parameters.server == "attach":
            listed(base(self.parameters.url, self.root), self.listing, self.parameters.model, headers=self.headers())

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say the address of the server, its processes and version."""
        if handle is None:
            return {"url": self.parameters.url, "pids": [], "version": ""}
        return {"url": handle["url"], "pids": list(handle["pids"]), "version": handle.get("version", "")}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Have the model loaded by a short request, and every warm prompt asked once; say what prompts came to."""
        rng = np.random.default_rng([seed, PREPARING])
        warm = self.parameters.cache == "warm"
        asked = self.prompts.pool() if warm else list(islice(self.prompts.endless(PREPARING, rng), 2))
        bodies = [json.dumps(self.request(prompt, 1)).encode() for prompt in asked]
        kept = self.parameters.keep_alive
        if kept is None:
            kept = await self.session(endpoint, PREPARING).keeps(bodies[-1])
        replies = await first(self.session({**endpoint, "prepared": {"keep_alive": kept}}, PREPARING), bodies)
        return {
            "keep_alive": kept,
            "version": endpoint.get("version", ""),
            "model": self.parameters.model,
            "cache": self.parameters.cache,
            "prompt_tokens": [reply.tokens_in for reply in replies],
            "prompt_words": [words(prompt) for prompt in asked],
        }

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Yield bodies: for the same seed with the same lengths and words, but never with the salt of another run."""
        rng = np.random.default_rng([seed, client])
        prompts = self.prompts.endless(client, np.random.default_rng([seed, client, 1]))
        while True:
            for tokens in draw(self.parameters.output_tokens, rng, BLOCK).tolist():
                yield 0, json.dumps(self.request(next(prompts), tokens)).encode()

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Return nothing: this server publishes no counters."""
        return {}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say that the cache was not as declared, by the server's own counters; '' also where it has none."""
        share = cached(before, after)
        if share is None:
            return ""
        limit = self.parameters.cold_limit
        if self.parameters.cache == "cold" and share > limit:
            return (
                f"declared cold, but {share:.0%} of the prompts' tokens came from the server's cache "
                f"(cold_limit: {limit:.0%}; a template of the chat counts as well)"
            )
        if self.parameters.cache == "warm" and share == 0:
            return "declared warm, but nothing came from the server's cache"
        return ""

    def derived(self, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
        """Return `cached_share`: of the prompts' tokens, what came from the cache; nothing where none counts it."""
        share = cached(before, after)
        return {} if share is None else {"cached_share": share}

    def session(self, endpoint: Endpoint, client: int) -> Posting:
        """Make the connection of one virtual user, which is kept where `prepare` found that the server keeps it."""
        root = base(endpoint["url"], self.root)
        kept = self.parameters.keep_alive
        return Posting(
            root + self.routes[self.parameters.operation],
            probe=root + self.listing[0],
            headers=self.headers(),
            keep_alive=endpoint.get("prepared", {}).get("keep_alive", True) if kept is None else kept,
            stream=self.stream if self.parameters.stream else None,
            whole=type(self).whole,
        )

    def request(self, prompt: Prompt, tokens: int) -> dict[str, Any]:
        """Make the body of a request for at most `tokens` tokens."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        """Return what every request carries. Raises UserError where the secret is missing."""
        key = self.parameters.api_key
        return {} if key is None else {"Authorization": f"Bearer {key.reveal()}"}


def base(url: str, root: str) -> str:
    """Return what the routes are appended to: an address that has a path of its own, or the address and `root`."""
    bare = url.rstrip("/")
    return bare if urlsplit(bare).path else bare + root


def listed(url: str, listing: tuple[str, str, str], model: str, *, headers: Mapping[str, str]) -> None:
    """Check that a server answers and has the model; one that has no list is believed.

    Raises ServiceFailed where it does not answer or refuses us, UnknownName for a model that it does not list.
    """
    route, key, name = listing
    status, said = ask(url + route, headers)
    if status in (401, 403):
        raise ServiceFailed(f"{url} refuses us ({status})", hint="target.api_key: {secret: NAME}")
    if status >= 500:
        raise ServiceFailed(f"{url}{route} said {status}")
    try:
        names = [str(item[name]) for item in json.loads(said)[key]]
    except (ValueError, KeyError, TypeError):
        return
    if names and model not in names and f"{model}:latest" not in names:
        raise UnknownName("model", model, names)


async def first(session: Posting, bodies: list[bytes]) -> list[Reply]:
    """Send the first requests, one after another. Raises ServiceFailed."""
    try:
        async with asyncio.timeout(FIRST_S):
            await session.connect()
            return [await session.call(body) for body in bodies]
    except (RequestFailed, OSError) as problem:
        kind = problem.kind if isinstance(problem, RequestFailed) else type(problem).__name__
        raise ServiceFailed(f"a first request failed ({kind}): {problem}") from problem
    finally:
        await session.close()


def words(prompt: Prompt) -> int:
    """Count the words of a prompt."""
    texts = [prompt] if isinstance(prompt, str) else [str(message.get("content", "")) for message in prompt]
    return sum(len(text.split()) for text in texts)
