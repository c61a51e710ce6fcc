"""Counters as servers publish them, and the share of prompts that a cache served."""

from __future__ import annotations

from fairtrial.systems.services.targets.language.prometheus import cached, counters

TEXT = """# HELP vllm:prefix_cache_queries_total tokens looked up
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="a b"} 100.0
vllm:prefix_cache_queries_total{engine="1",model_name="a b"} 20.0
vllm:e2e_request_latency_seconds_bucket{le="0.3",model_name="m"} 4.0
vllm:e2e_request_latency_seconds_sum{model_name="m"} 1.5
vllm:prompt_tokens_created{model_name="m"} 1.7e+09
llamacpp:requests_processing 2
python_gc_objects_collected_total{generation="0"} 9.0
"""


def test_samples_are_summed_over_labels_and_buckets_left_out():
    """Only those of the prefixes that are asked for."""
    assert counters(TEXT, ("vllm:", "llamacpp:")) == {
        "vllm:prefix_cache_queries_total": 120.0,
        "vllm:e2e_request_latency_seconds_sum": 1.5,
        "llamacpp:requests_processing": 2.0,
    }


def test_vllm_counts_tokens_looked_up_and_found():
    """By growth between the readings, under the older name too."""
    for prefix in ("vllm:prefix_cache", "vllm:gpu_prefix_cache"):
        before = {f"{prefix}_queries_total": 1000.0, f"{prefix}_hits_total": 900.0}
        after = {f"{prefix}_queries_total": 1400.0, f"{prefix}_hits_total": 1000.0}
        assert cached(before, after) == 0.25


def test_llama_cpp_counts_tokens_processed_and_reused():
    """Those processed are without those reused."""
    before = {"llamacpp:prompt_tokens_total": 10.0, "llamacpp:prompt_tokens_cached_total": 50.0}
    after = {"llamacpp:prompt_tokens_total": 40.0, "llamacpp:prompt_tokens_cached_total": 60.0}
    assert cached(before, after) == 0.25


def test_nothing_is_said_where_nothing_is_counted():
    """No counters, no prompts in between, or a llama.cpp that does not count what it reused."""
    assert cached({}, {}) is None
    assert cached({"vllm:prefix_cache_queries_total": 5.0}, {"vllm:prefix_cache_queries_total": 5.0}) is None
    assert cached({}, {"llamacpp:prompt_tokens_total": 40.0}) is None
