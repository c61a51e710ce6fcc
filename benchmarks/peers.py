"""The peers: what each needs, and an environment for it, made once by uv under a cache folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Peer:
    """Another tool, or one way of using it."""

    name: str
    n: int
    """Trials of a full pass: fewer where each takes long, so that a pass takes seconds."""
    packages: tuple[str, ...]
    note: str
    """How trials are isolated, and what is stored."""
    program: str = ""
    """What has to be installed where there are no packages."""


PEERS = (
    Peer("optuna-sqlite", 200, ("optuna",), "threads; SQLite"),
    Peer("optuna-journal", 600, ("optuna",), "threads; journal file, synced"),
    Peer("hydra-basic", 100, ("hydra-core",), "one process, no parallelism; a folder a trial, no metrics"),
    Peer("hydra-joblib", 150, ("hydra-core", "hydra-joblib-launcher"), "reused workers; a folder a trial, no metrics"),
    Peer("signac-flow", 400, ("signac", "signac-flow"), "reused workers; JSON files, not synced"),
    Peer("parallel", 300, (), "an interpreter a trial; job log, no metrics", program="parallel"),
    Peer("dask", 2000, ("distributed",), "reused workers; nothing stored"),
    Peer("ray", 1000, ("ray",), "reused workers; nothing stored"),
)


@dataclass(frozen=True)
class Ready:
    """A peer that can run, or why it cannot."""

    peer: Peer
    python: str = ""
    reason: str = ""


def chosen(names: str) -> list[Peer]:
    """Pick peers by comma-separated names, `all` or `none`."""
    if names in ("all", "none"):
        return list(PEERS) if names == "all" else []
    known = {peer.name: peer for peer in PEERS}
    unknown = [name for name in names.split(",") if name not in known]
    if unknown:
        raise SystemExit(f"unknown peer {unknown[0]!r}: {', '.join(known)}")
    return [known[name] for name in names.split(",")]


def ready(peer: Peer) -> Ready:
    """Make the peer's environment unless it is there already."""
    if peer.program:
        found = shutil.which(peer.program)
        return Ready(peer, sys.executable) if found else Ready(peer, reason=f"{peer.program} is not installed")
    folder = cache() / "-".join(peer.packages)
    python = folder / "bin" / "python"
    if not python.exists():
        reason = _make(folder, peer.packages)
        if reason:
            return Ready(peer, reason=reason)
    return Ready(peer, str(python))


def cache() -> Path:
    """Return the folder of the environments; FAIRTRIAL_BENCH_CACHE names another."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fairtrial-benchmarks"
    return Path(os.environ.get("FAIRTRIAL_BENCH_CACHE") or default)


def _make(folder: Path, packages: Sequence[str]) -> str:
    """Make an environment under another name, then rename it; return why that failed, or ''."""
    if not shutil.which("uv"):
        return "uv is not installed"
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    commands = (
        ["uv", "venv", "--quiet", "--relocatable", "--python", sys.executable, str(part)],
        ["uv", "pip", "install", "--quiet", "--python", str(part / "bin" / "python"), *packages],
    )
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        for command in commands:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if ended.returncode:
                return f"cannot be installed: {_first(ended.stderr)}"
        part.replace(folder)
    except (subprocess.TimeoutExpired, OSError) as problem:
        return f"cannot be installed: {_first(str(problem))}"
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return ""


def _first(text: str) -> str:
    return (text.strip() or "no reason given").splitlines()[0][:120]
