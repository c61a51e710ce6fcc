"""`python -m benchmarks [--quick]`: every benchmark, one after the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = ("overhead", "isolated", "persistent", "resume", "startup")


def main() -> int:
    """Run the scripts that are there; return 1 where one failed."""
    here = Path(__file__).resolve().parent
    failed = []
    for name in SCRIPTS:
        script = here / f"{name}.py"
        if not script.exists():
            print(f"\n== {name}: not here", flush=True)
        elif subprocess.run([sys.executable, str(script), *sys.argv[1:]]).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
