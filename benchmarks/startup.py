"""CPU time of the command line's start: `fairtrial --help` and `fairtrial list` beside a bare interpreter.

Usage: python benchmarks/startup.py [--quick] [--passes N]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Sample, bench, options, python, table, timed

BAR_S = 0.2


def main() -> None:
    """Print the table."""
    chosen = options(__doc__ or "")
    program = str(Path(sys.executable).with_name("fairtrial"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import numpy'": [sys.executable, "-c", "import numpy"],
        "fairtrial --help": [program, "--help"],
        "fairtrial list": [program, "list"],
    }
    with bench("the command line's start"), tempfile.TemporaryDirectory() as folder:
        subprocess.run(python("ours.py", 20, 2, "isolated"), cwd=folder, check=True, capture_output=True)
        home = Path(folder) / "measured"
        samples: dict[str, list[Sample]] = {name: [] for name in commands}
        for _ in range(1 + max(5, chosen.passes)):
            for name, argv in commands.items():
                samples[name].append(timed(argv, str(home)))
        table(["", "CPU s, median", "range", ""], [row(name, found[1:]) for name, found in samples.items()])
        print(f"\nasked for: at most {BAR_S} s CPU for both commands (the first of each is not counted)")


def row(name: str, samples: list[Sample]) -> list[str]:
    """Make a row of the runs that exited 0."""
    errors = [sample.error for sample in samples if sample.error]
    cpu_s = sorted(sample.cpu_s for sample in samples)
    return [name, f"{cpu_s[len(cpu_s) // 2]:.3f}", f"{cpu_s[0]:.3f} to {cpu_s[-1]:.3f}", *[errors[0] if errors else ""]]


if __name__ == "__main__":
    main()
