"""Counters and gauges of servers that publish them as Prometheus does, and what they say about the prompt cache."""

from __future__ import annotations

from collections.abc import Mapping

SKIPPED = ("_bucket", "_created")


def counters(text: str, prefixes: tuple[str, ...]) -> dict[str, float]:
    """Read the samples whose name begins with one of `prefixes`, summed over their labels; buckets are left out."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith(prefixes):
            continue
        head, _, value = line.rpartition(" ")
        name = head.partition("{")[0].strip()
        if not name.endswith(SKIPPED):
            found[name] = found.get(name, 0.0) + float(value)
    return found


def cached(before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    """Return the share of the prompts' tokens that came from the server's cache between two readings.

    vLLM counts the tokens looked up and those found; llama.cpp those processed and those reused. None where the
    server counts neither, or no prompt was read in between.
    """

    def grown(name: str) -> float:
        return after.get(name, 0.0) - before.get(name, 0.0)

    for prefix in ("vllm:prefix_cache", "vllm:gpu_prefix_cache"):
        if grown(f"{prefix}_queries_total") > 0:
            return grown(f"{prefix}_hits_total") / grown(f"{prefix}_queries_total")
    reused = grown("llamacpp:prompt_tokens_cached_total")
    asked = reused + grown("llamacpp:prompt_tokens_total")
    known = "llamacpp:prompt_tokens_cached_total" in after
    return reused / asked if known and asked > 0 else None
