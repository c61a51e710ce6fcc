"""Recipes as the older framework's users wrote them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

POSTGRES = """\
configuration:
  target: cluster
service:
  name: postgres
  type: postgres
  image: docker://postgres:latest
  partition: cpu
  num_gpus: 0
  time_limit: "01:00:00"
  account: p1
  environment: {POSTGRES_PASSWORD: hunter2}
  nodes: 1
  settings:
    db_name: benchmark
    auth: trust
    data_dir: /tmp/pg
    tuning: {shared_buffers: 128MB, effective_cache_size: 512MB, maintenance_work_mem: 64MB}
client:
  type: postgres_stress
  name: stress
  partition: cpu
  settings: {num_inserts: 10000, num_selects: 5000, table: stress_test, warmup_delay: 5}
benchmarks:
  num_clients: 4
  client_delay: 2
  metrics: [latency, throughput]
"""

SETTINGS = {
    "postgres_smoke": "{}",
    "postgres_stress": "{num_inserts: 10, num_selects: 5, table: t, warmup_delay: 5}",
    "pgbench": "{scale: 10, clients: 4, jobs: 2, duration: 30, select_only: true}",
    "chroma_healthcheck": "{}",
    "chroma_stress": "{num_vectors: 1000, dim: 128, num_queries: 100, top_k: 10, warmup: 5}",
    "vllm_smoke": "{}",
    "vllm_stress": "{num_requests: 50, max_tokens: 64, concurrent_requests: 1, warmup: 10}",
    "ollama_smoke": "{}",
    "ollama_stress": "{num_requests: 20, max_tokens: 50, warmup: 30}",
    "nginx_healthcheck": "{}",
    "redis_stress": "{num_requests: 10000, value_size: 256, key_size: 16}",
    "minio_stress": "{num_objects: 100, object_size: 1048576}",
    "qdrant_stress": "{num_points: 10000, dim: 128, batch_size: 256, num_queries: 1000, top_k: 10}",
}


def recipe(client: str) -> str:
    """Write a recipe for a type of client."""
    return f"client: {{type: {client}, settings: {SETTINGS[client]}}}\nbenchmarks: {{num_clients: 4}}\n"


@pytest.fixture(scope="session")
def recipes() -> SimpleNamespace:
    """The recipe of a whole PostgreSQL benchmark, and one for each type of client."""
    return SimpleNamespace(postgres=POSTGRES, clients=tuple(SETTINGS), recipe=recipe)
