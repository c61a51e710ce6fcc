"""What becomes of service and client of a recipe, a function for each type of service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairtrial.systems.services.convert.draft import Draft

APART = "one headline mixed the phases; each is measured on its own"


def postgres(draft: Draft) -> None:
    """Map the client of inserts and selects, and pgbench."""
    draft.target |= {"kind": "postgres", "server": "embedded"}
    if tuning := draft.find("service.settings.tuning"):
        draft.target["settings"] = dict(tuning)
        draft.say("service.settings.tuning", "target.settings", "parameters, so that they can be factors")
    if draft.recipe.client == "pgbench":
        only = draft.find("client.settings.select_only", default=False)
        draft.target["operation"] = "select" if only else "transaction"
        draft.say("client.settings.select_only", f"target.operation: {draft.target['operation']}", "pgbench's -S")
        draft.move("client.settings.scale", "scale", "pgbench's -s")
    elif draft.recipe.client == "postgres_stress":
        _phases(draft, "insert", "select")
    else:
        draft.target["operation"] = "select"


def chroma(draft: Draft) -> None:
    """Map the client of ChromaDB."""
    draft.target |= {"kind": "chroma", "server": "embedded"}
    _vectors(draft, "num_vectors")


def qdrant(draft: Draft) -> None:
    """Map the client of Qdrant."""
    draft.target["kind"] = "qdrant"
    _attach(draft, 6333)
    _vectors(draft, "num_points")


def vllm(draft: Draft) -> None:
    """Map the client of vLLM."""
    _language(draft, "facebook/opt-125m")
    parallel = draft.find("service.settings.tensor_parallel_size", 1)
    if parallel != 1:
        draft.target["settings"] = {"arguments": ["--tensor-parallel-size", str(parallel)]}
    became, why = (
        ("", "it is vLLM's default") if parallel == 1 else ("target.settings.arguments", "a word of its start")
    )
    draft.say("service.settings.tensor_parallel_size", became, why)


def ollama(draft: Draft) -> None:
    """Map the client of Ollama."""
    _language(draft, "llama2")


def redis(draft: Draft) -> None:
    """Map the client of Redis."""
    draft.target["kind"] = "redis"
    _attach(draft, 6379)
    draft.move("client.settings.value_size", "value_bytes")
    _phases(draft, "set", "get")


def minio(draft: Draft) -> None:
    """Map the client of MinIO."""
    draft.target["kind"] = "minio"
    _attach(draft, 9000)
    draft.move("client.settings.object_size", "object_bytes")
    _phases(draft, "put", "get")


def nginx(draft: Draft) -> None:
    """Map the check of a web server's health."""
    draft.target["kind"] = "http"
    _attach(draft, 8080)


TARGETS: Mapping[str, Callable[[Draft], None]] = {
    "postgres": postgres,
    "chroma": chroma,
    "vllm": vllm,
    "ollama": ollama,
    "nginx": nginx,
    "redis": redis,
    "minio": minio,
    "qdrant": qdrant,
}
"""Type of the service -> what maps it."""


def _phases(draft: Draft, *operations: str) -> None:
    """Measure apart what was one number of two phases."""
    draft.factors["target.operation"] = list(operations)
    draft.say("client.type", f"target.operation: {', '.join(operations)}", APART)


def _vectors(draft: Draft, many: str) -> None:
    """Map what the clients of both vector stores say."""
    if draft.recipe.client.endswith("_healthcheck"):
        draft.target["vectors"] = 100
        return
    draft.move(f"client.settings.{many}", "vectors", "loaded once before queries are timed, not by every client")
    draft.move("client.settings.dim", "dimension")
    draft.move("client.settings.num_queries", "queries", "different queries, drawn from until the window ends")
    draft.move("client.settings.top_k", "top_k")
    draft.move("client.settings.batch_size", "batch", "vectors in one request that ingests")
    _phases(draft, "ingest", "query")


def _language(draft: Draft, model: str) -> None:
    """Map what the clients of both language models say."""
    draft.target |= {"kind": draft.recipe.service, "server": "embedded", "model": model}
    draft.move("service.settings.model", "model")
    tokens = draft.find("client.settings.max_tokens")
    if tokens is not None:
        draft.target["output_tokens"] = tokens
        draft.say("client.settings.max_tokens", "target.output_tokens", "counted by the server, not in characters")
    if draft.recipe.client.endswith("_stress"):
        draft.target["cache"] = "cold"
        why = "few prompts in turn came from the server's cache; each is new now, and its counters say whether it was"
        draft.say("client.type", "target.cache: cold", why)


def _attach(draft: Draft, port: int) -> None:
    """Point at a server that somebody else starts: there is no adapter that starts one."""
    port = draft.find("service.port", draft.find("service.settings.port", port))
    word = {"port": port} if draft.recipe.service == "redis" else {"url": f"http://127.0.0.1:{port}"}
    draft.target |= word
    became = ", ".join(f"target.{name}: {value}" for name, value in word.items())
    draft.say("service.type", became, "fairtrial starts none of these: start it here, or write another address")
    for key in ("service.port", "service.settings.port"):
        draft.say(key, became, "attached to")
