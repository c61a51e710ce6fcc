"""`python -m benchmarks [--quick]`: every benchmark, one after the other."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

SCRIPTS = (
    "overhead",
    "isolated",
    "persistent",
    "resume",
    "tracking",
    "startup",
    "large",
    "judging",
    "threadpool",
    "signals",
    "decisions",
    "overnight",
    "floor",
    "web",
    "stall",
    "pgbench",
    "llm",
)


def main() -> int:
    """Run the scripts that are there; return 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that they work, no more")
    arguments = ["--quick"] if parser.parse_args().quick else []
    scripts = [Path(__file__).resolve().parent / f"{name}.py" for name in SCRIPTS]
    commands = {script.stem: [sys.executable, str(script), *arguments] for script in scripts if script.exists()}
    failed = [name for name, command in commands.items() if subprocess.run(command).returncode]
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
