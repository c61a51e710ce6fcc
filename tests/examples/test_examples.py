"""The examples run, each in a fresh folder, and find what was planted in their subjects."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("*.py"))


def printed(script: str, folder: Path) -> str:
    """Run an example in a folder; return what it prints."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    command = [sys.executable, str(EXAMPLES / script)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sweep(tmp_path):
    """The threshold, the interaction, the knob that does nothing, replicates and the rest of an interrupted run."""
    out = printed("sweep.py", tmp_path)
    assert "between corruption = 0.4 and 0.5" in out
    assert "crash_rate has a threshold in corruption near 0.45: supported" in out
    assert "cycles is flat with corruption: supported" in out
    assert "Mentions of 'trust' change with corruption" in out
    for said in ("corruption", "ram_gb", "report_every", "corruption and report_every"):
        assert f"supported: {said}" in out
    assert "without effect: ('threads',)" in out
    for replicates, verdict in ((1, "inconclusive"), (5, "supported"), (10, "supported")):
        assert f"run 4, {replicates} replicates: {verdict}" in out
    assert "stopped: 10\ncontinued: 50" in out
    assert (tmp_path / "reports" / "report.html").is_file()
    assert (tmp_path / ".fairtrial" / "book.db").is_file()


def test_a_saturating_server(tmp_path):
    """The knee lies near 8 clients and the plateau near 800 a second; below both there is no knee to be found."""
    out = printed("saturation.py", tmp_path)
    knee, plateau = re.search(r"at clients = ([\d.]+)", out), re.search(r"plateau is (\d+)", out)
    assert 6 < float(knee[1]) < 10
    assert 750 < float(plateau[1]) < 850
    assert "16 clients: safe" in out
    assert "32 clients: not safe: latency_s <= 0.025" in out
    assert re.search(r"up to 6 clients a knee is (not supported|inconclusive): ", out)
    assert "edge not reached" in out


def test_two_sources_of_labels(tmp_path):
    """Power laws that cross near 100 labels; the crowd's are the better buy until it has no more to give."""
    out = printed("scaling.py", tmp_path)
    assert out.count("  power law; ") == 2
    place = re.search(r"cross at n = ([\d.]+)", out)
    assert 90 < float(place[1]) < 110
    assert "crowd and experts cross in n: supported" in out
    assert "error decreases with n: supported" in out
    assert re.search(r"for +0\.20: +20 of crowd", out)
    assert re.search(r"for +640\.00: +1280 of experts", out)


def test_a_search(tmp_path):
    """The near-best conditions lie around the peak; the second measurement says how much too good the first was."""
    pytest.importorskip("optuna", reason="Optuna is not installed: pip install 'fairtrial[optuna]'")
    out = printed("search.py", tmp_path)
    for parameter, peak in (("x", 0.3), ("y", 0.7)):
        low, high = re.search(rf"{parameter} lies in ([\d.]+) to ([\d.]+)", out).groups()
        assert float(low) - 0.1 < peak < float(high) + 0.1
    assert "confirm in run 2: exit " in out
    assert re.search(r"[\d.]+ at first, [\d.]+ again: \+[\d.]+ too good", out)


def test_a_gate(tmp_path):
    """Open between two times, FAIL and PASS side by side, and a promotion that leaves no trace when it is undone."""
    out = printed("gate.py", tmp_path)
    said = [line.split(" exit ")[1] for line in out.splitlines() if " exit " in line]
    assert [line[0] for line in said] == ["0", "0", "0", "5", "4", "0", "0", "0"]
    assert "next: fairtrial gate 2 --against 1 --confirm" in out
    assert "  clients: 8  # since May" in out
    assert (tmp_path / "runtime.yaml").read_text() == "# production\npool:\n  clients: 4  # since May\n"


def test_every_example_is_short_guarded_and_listed():
    """At most sixty lines; nothing happens on import but in a script's own process; one line in the README each."""
    listed = re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text())
    assert sorted(listed) == SCRIPTS
    for name in SCRIPTS:
        text = (EXAMPLES / name).read_text()
        assert len(text.splitlines()) <= 60, name
        assert name == "subjects.py" or '\nif __name__ == "__main__":\n' in text, name


def test_subjects_are_seeded():
    """The same seed gives the same numbers, another one other numbers."""
    spec = importlib.util.spec_from_file_location("subjects", EXAMPLES / "subjects.py")
    subjects = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(subjects)
    assert subjects.landscape(0.3, 0.7, seed=1) == subjects.landscape(0.3, 0.7, seed=1)
    assert subjects.landscape(0.3, 0.7, seed=1) != subjects.landscape(0.3, 0.7, seed=2)
    assert subjects.landscape(0.3, 0.7, z=1.0, seed=1) == subjects.landscape(0.3, 0.7, seed=1)
