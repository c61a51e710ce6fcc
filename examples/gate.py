"""A gate as continuous integration types it: a baseline, two versions side by side, the winner promoted and undone."""

import subprocess
from pathlib import Path

import subjects

STUDY = """
study: server
question: How many clients should the server be given?
system: {python: "subjects:server"}
factors: {clients: [4, 8]}
replicates: 6
metrics: {throughput_per_s: maximize, latency_s: {direction: minimize, unit: s}}
gate: {throughput_per_s: {worse_by: 5%}, latency_s: {worse_by: 10%}}
"""
RUNTIME = "# production\npool:\n  clients: 4  # since May\n"
MEANING = {0: "PASS, or as asked", 4: "FAIL", 5: "INCONCLUSIVE", 6: "INVALID"}


def fairtrial(*words: str) -> None:
    """Run a command; print it, the line of its verdict and its exit code."""
    done = subprocess.run(["fairtrial", *words], capture_output=True, text=True, check=False)
    print("$ fairtrial", *words)
    for line in (done.stdout + done.stderr).splitlines():
        if "RESULT" in line or line.startswith(("next:", "✓", "⚠", "-  clients", "+  clients")):
            print("   ", line)
    print(f"    exit {done.returncode}: {MEANING[done.returncode]}")


def version(name: str, overhead: float) -> None:
    """Put a version of the server, and the study that measures it, into a folder of its own."""
    Path(name).mkdir(exist_ok=True)
    text = Path(subjects.__file__).read_text().replace("overhead: float = 0.0", f"overhead: float = {overhead}")
    Path(name, "subjects.py").write_text(text)
    Path(name, "study.yaml").write_text(STUDY)


def main() -> None:
    """Stored runs never FAIL, since the machine may have changed meanwhile; measured side by side they do."""
    for name, overhead in {"released": 0.0, "slower": 0.2, "fixed": 0.001}.items():
        version(name, overhead)
    Path("runtime.yaml").write_text(RUNTIME)

    fairtrial("run", "released/study.yaml", "--quiet")
    fairtrial("baseline", "set", "1", "--name", "release", "--why", "what customers have")
    fairtrial("run", "slower/study.yaml", "--quiet")
    fairtrial("gate", "2", "--against", "release")
    fairtrial("compare", "--paired", "released/study.yaml", "slower/study.yaml", "--quiet")
    fairtrial("compare", "--paired", "released/study.yaml", "fixed/study.yaml", "--quiet")
    fairtrial("promote", "--to", "runtime.yaml", "--map", "clients=pool.clients", "--why", "release 7")
    print(Path("runtime.yaml").read_text())
    fairtrial("undo", "--why", "too early")
    print(Path("runtime.yaml").read_text())


if __name__ == "__main__":
    main()
