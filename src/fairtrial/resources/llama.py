"""The llama.cpp server in a process of its own: `python -m fairtrial.resources.llama JSON`; it serves until killed."""

from __future__ import annotations

import json
import signal
import sys
from typing import Any


def main(words: str) -> None:
    """Load the model and listen; options are those of `llamacpp.Options`, resolved. Returns never."""
    import xllamacpp

    options: dict[str, Any] = json.loads(words)
    try:
        server = xllamacpp.Server(parameters(xllamacpp, options))
    except RuntimeError:  # llama.cpp said why in the lines above; a traceback would hide them
        sys.exit(f"llama.cpp does not serve {options['path']}")
    print(f"serving {options['path']} at {server.listening_address}", flush=True)  # noqa: T201 - its log
    while True:
        signal.pause()


def parameters(xllamacpp: Any, options: dict[str, Any]) -> Any:
    """Translate resolved options into llama.cpp's own."""
    made = xllamacpp.CommonParams()
    made.model.path = options["path"]
    made.model_alias = {options["alias"]}
    made.hostnames = [options["host"]]
    made.port = options["port"]
    made.n_ctx = options["n_ctx"] * options["n_parallel"]  # llama.cpp divides its context among the slots
    made.n_parallel = options["n_parallel"]
    made.cpuparams.n_threads = options["threads"]
    made.cpuparams_batch.n_threads = options["batch_threads"]
    made.n_gpu_layers = options["gpu_layers"]
    made.n_threads_http = options["http_threads"]
    made.cache_prompt = options["cache_prompt"]
    made.cache_ram_mib = options["cache_ram_mib"]
    made.endpoint_metrics = True
    made.ui = False
    return made


if __name__ == "__main__":
    main(sys.argv[1])
