"""Any OpenAI-style endpoint: vLLM, llama.cpp, Ollama's /v1, or a service of somebody else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from fairtrial.systems.services.target import Endpoint, Reply
from fairtrial.systems.services.targets.language.adapter import MEASURES, LanguageTarget, base
from fairtrial.systems.services.targets.language.generation import Generation
from fairtrial.systems.services.targets.language.posting import fetch
from fairtrial.systems.services.targets.language.prometheus import counters
from fairtrial.systems.services.targets.language.prompts import Prompt
from fairtrial.systems.services.targets.language.sse import Events, Stream, whole

PREFIXES = ("vllm:", "llamacpp:")


class OpenAI(Generation):
    """An endpoint with OpenAI's routes."""

    kind: Literal["openai"]
    server: Literal["attach"] = Field(default="attach", description="It is attached to.")
    limit: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="The field that limits an answer; some models take only the second."
    )


class OpenAITarget(LanguageTarget):
    """Posts chats and completions, and reads streams of server-sent events.

    Its counters are those of vLLM or llama.cpp where the endpoint is one and publishes /metrics.
    """

    kind: ClassVar[str] = "openai"
    measures: ClassVar[frozenset[str]] = MEASURES | {"cached_share"}
    root: ClassVar[str] = "/v1"
    listing: ClassVar[tuple[str, str, str]] = ("/models", "data", "id")
    routes: ClassVar[Mapping[str, str]] = {"chat": "/chat/completions", "completion": "/completions"}
    stream: ClassVar[type[Stream]] = Events
    whole: ClassVar[Callable[[bytes], Reply]] = staticmethod(whole)
    extra: ClassVar[Mapping[str, Any]] = {}
    """Fields that make this server generate as many tokens as were asked for."""

    def request(self, prompt: Prompt, tokens: int) -> dict[str, Any]:
        """Make the body of a request for at most `tokens` tokens; usage is asked for, which OpenAI's format defines."""
        words = self.parameters
        body: dict[str, Any] = {
            "model": words.model,
            "prompt" if isinstance(prompt, str) else "messages": prompt,
            getattr(words, "limit", "max_tokens"): tokens,
            "temperature": words.temperature,
        }
        if words.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        if getattr(words, "ignore_eos", False):
            body |= self.extra
        return {**body, **words.body}

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Read /metrics beside the routes; {} where there is none, or none that is known."""
        status, text = await fetch(base(endpoint["url"], self.root).removesuffix("/v1") + "/metrics", self.headers())
        return counters(text.decode(errors="replace"), PREFIXES) if status == 200 else {}
