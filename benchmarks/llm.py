"""Our load on a vLLM server beside `vllm bench serve`, on the same server in one run: TTFT, TPOT, tokens a second.

vLLM lives in an environment of its own; FAIRTRIAL_VLLM names its interpreter. The model has four small layers of random
weights, made here.

Usage: FAIRTRIAL_VLLM=/path/to/python python benchmarks/llm.py [--quick] [--passes N]
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from measure import bench, options, spread, table

from fairtrial.contract.resource import resource
from fairtrial.systems.services.load import crew
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.targets.known import adapter

INPUT, OUTPUT = 64, 32
RATES = (3.0, 10.0)
SERVE = """
import argparse
from vllm.benchmarks import serve
parser = argparse.ArgumentParser()
serve.add_cli_args(parser)
serve.main(parser.parse_args())
"""
TOKENIZER = """
import json, sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
made = Tokenizer(models.BPE())
made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
made.decoder = decoders.ByteLevel()
letters = pre_tokenizers.ByteLevel.alphabet()
made.train_from_iterator(["a few words to learn from"] * 9, trainers.BpeTrainer(
    vocab_size=512, special_tokens=["<s>", "</s>"], initial_alphabet=letters))
made.save(sys.argv[1])
print(made.get_vocab_size())
"""
MODEL = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "intermediate_size": 512,
    "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 64,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "bos_token_id": 0,
    "eos_token_id": 1, "hidden_act": "silu", "torch_dtype": "bfloat16",
}  # fmt: skip


def model(python: str, folder: Path) -> Path:
    """Write a model that vLLM fills with random weights."""
    learn = [python, "-c", TOKENIZER, str(folder / "tokenizer.json")]
    size = int(subprocess.run(learn, check=True, capture_output=True, text=True).stdout)
    (folder / "config.json").write_text(json.dumps(MODEL | {"vocab_size": size}))
    special = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(special))
    return folder


def peer(python: str, url: str, place: Path, *, rate: float, requests: int, seed: int) -> dict[str, float]:
    """Run vLLM's own benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        words = {
            "--backend": "openai", "--base-url": url, "--endpoint": "/v1/completions", "--model": str(place),
            "--tokenizer": str(place), "--dataset-name": "random", "--random-input-len": INPUT,
            "--random-output-len": OUTPUT, "--num-prompts": requests, "--request-rate": rate, "--seed": seed,
            "--percentile-metrics": "ttft,tpot", "--result-dir": folder, "--result-filename": "r.json",
        }  # fmt: skip
        argv = [python, "-c", SERVE, *(str(word) for pair in words.items() for word in pair)]
        subprocess.run([*argv, "--ignore-eos", "--save-result"], check=True, capture_output=True, text=True)
        said = json.loads((Path(folder) / "r.json").read_text())
    return {
        "ttft_ms": said["median_ttft_ms"],
        "tpot_ms": said["median_tpot_ms"],
        "tokens_per_s": said["output_throughput"],
        "failed": float(requests - said["completed"]),
    }


def ours(parameters: Mapping[str, Any], handle: Mapping[str, Any], *, rate: float, requests: int, seed: int) -> Any:
    """Put the services system's load on the same server."""
    target = adapter(parameters)
    endpoint = target.endpoint(handle) | {"salt": f"{seed}-{rate}"}
    endpoint["prepared"] = asyncio.run(target.prepare(endpoint, seed))
    load = Load(mode="open", rate_per_s=rate, duration_s=requests / rate, warmup_s=0, timeout_s=120)
    with tempfile.TemporaryDirectory() as folder:
        records, _ = crew.run(dict(parameters), endpoint, load, seed=seed, folder=Path(folder))
    lasted_s = (records.t_done_ns.max() - records.t_sched_ns.min()) * 1e-9
    return {
        "ttft_ms": 1e3 * float(np.nanmedian(records.first_s)),
        "tpot_ms": 1e3 * float(np.nanmedian(records.per_token_s)),
        "tokens_per_s": float(records.tokens_out[records.ok].sum() / lasted_s),
        "failed": float((~records.ok).sum()),
    }


def compare(python: str, place: Path, handle: Mapping[str, Any], parameters: Mapping[str, Any], passes: int) -> None:
    """Alternate both at each rate, and print medians and ratios pass by pass."""
    rows = []
    for rate in RATES:
        requests, mine, other = round(15 * rate), [], []
        peer(python, handle["url"].removesuffix("/v1"), place, rate=rate, requests=8, seed=99)
        for number in range(passes):
            for own in (True, False) if number % 2 else (False, True):
                size = {"rate": rate, "requests": requests, "seed": number}
                if own:
                    mine.append(ours(parameters, handle, **size))
                else:
                    other.append(peer(python, handle["url"].removesuffix("/v1"), place, **size))
        for key in ("ttft_ms", "tpot_ms", "tokens_per_s", "failed"):
            values = [statistics.median(each[key] for each in found) for found in (mine, other)]
            pairs = [a[key] / b[key] for a, b in zip(mine, other, strict=True) if b[key]]
            rows.append([f"{rate:g}/s", key, *(f"{value:.4g}" for value in values), spread(pairs)])
    table(["rate", "median", "ours", "vllm bench serve", "ratio"], rows)


def main() -> int:
    """Start vLLM and compare; say what is missing where it is not there."""
    chosen = options(__doc__ or "")
    python = os.environ.get("FAIRTRIAL_VLLM", "")
    if not python:
        print(
            "\nvllm: skipped: FAIRTRIAL_VLLM names no interpreter with vLLM (pip install vllm into its own environment)"
        )
        return 0
    server = resource("vllm")
    with bench("vLLM: our load beside vllm bench serve"), tempfile.TemporaryDirectory() as name:
        place = model(python, Path(name))
        settings = {
            "python": python, "load_format": "dummy", "dtype": "bfloat16", "max_model_len": 2048, "max_num_seqs": 16,
            "enforce_eager": True, "env": {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"},
        }  # fmt: skip
        parameters = {
            "kind": "vllm", "model": str(place), "operation": "completion", "settings": settings,
            "prompt_tokens": INPUT, "output_tokens": OUTPUT,
        }  # fmt: skip
        handle = server.start(adapter(parameters).server()[1], place)  # type: ignore[index]
        try:
            compare(python, place, handle, parameters, 1 if chosen.quick else chosen.passes)
        finally:
            server.stop(handle)
    return 0


if __name__ == "__main__":
    sys.exit(main())
