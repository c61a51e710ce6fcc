"""Why a study has nothing of some keys of a recipe."""

from __future__ import annotations

from collections.abc import Mapping

IGNORED = "the framework ignored it"
PORT = "a started server takes a free port; one that is attached to has it among its parameters"
OWN = "a Redis that is attached to has its own configuration, which is recorded"

WHY: Mapping[str, str] = {
    "configuration.target": "the study runs where fairtrial runs; a server elsewhere is attached to, by its address",
    "service.name": "the study's name says what it is",
    "service.image": "the server is the one that is installed here; its version is recorded with every trial",
    "service.command": "the server is started by its adapter, whose settings are parameters",
    "service.port": PORT,
    "service.env": "the server's settings are parameters of the target",
    "service.environment": IGNORED,
    "service.volumes": "a started server has a fresh folder",
    "service.nodes": IGNORED,
    "service.settings.db_name": "a started server has a database of its own",
    "service.settings.auth": "a started server lets in its own user alone",
    "service.settings.data_dir": "its data lives in a fresh folder, so that no repetition inherits another's",
    "service.settings.host": "a started server listens on the loopback address",
    "service.settings.port": PORT,
    "service.settings.console": "its console takes no part",
    "service.settings.appendonly": OWN,
    "service.settings.maxmemory": OWN,
    "service.settings.policy": OWN,
    "client.name": IGNORED,
    "client.command": "a program started for each request measured its own start; requests go over open connections",
    "client.settings.table": "every client dropped and made it, under the others' load; the adapter's are prepared",
    "client.settings.concurrent_requests": "it only paused for 0.1 s; load.clients is the concurrency",
    "client.settings.key_size": IGNORED,
    "client.settings.jobs": "load.processes says how many processes send",
    "benchmarks.metrics": "the framework ignored it; every trial measures all, those that are judged are named",
    "benchmarks.client_delay": "the framework ignored it; clients are connected first, and start at one instant",
}
"""Key of a recipe -> why it was left out."""

SLURM = "there is no batch job: fairtrial runs where it is started, inside a job too"
"""Why what a batch job asks for is left out."""

ALWAYS = (
    ("requests per second", "throughput_per_s", "failures counted, over a run as long as its slowest request"),
    ("one run", "replicates: 3", "one run against one run knows nothing of noise; repetitions come in shuffled blocks"),
    ("PASS at 10 % or less", "gate", "a regression must be shown beyond the margin, and so must its absence"),
)
"""What every recipe did, what the study does, and why."""
