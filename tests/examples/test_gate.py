"""The workflow of `examples/services-gate`: its steps are run as a runner of GitHub's would, but for installing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

EXAMPLE = Path(__file__).parents[2] / "examples" / "services-gate"
PLACE = "examples/services-gate"
TOY = {"duration_s: 20": "duration_s: 8"}
TIME_LIMIT_S = 120

Step = Mapping[str, object]


def steps(job: str) -> dict[str, Step]:
    """Return the named steps of a job."""
    workflow = YAML(typ="safe", pure=True).load((EXAMPLE / "performance.yml").read_text())
    return {step["name"]: step for step in workflow["jobs"][job]["steps"] if "name" in step}


def git(folder: Path, *words: str) -> None:
    """Run git without anybody's settings."""
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *words]
    subprocess.run(
        command, cwd=folder, check=True, capture_output=True, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout of a project whose main branch holds the example at toy size."""
    origin = tmp_path / "origin"
    shutil.copytree(EXAMPLE, origin / PLACE)
    study = origin / PLACE / "service.yaml"
    text = study.read_text()
    for whole, toy in TOY.items():
        assert whole in text
        text = text.replace(whole, toy)
    study.write_text(text)
    git(origin, "init", "--quiet", "--initial-branch=main")
    git(origin, "add", ".")
    git(origin, "commit", "--quiet", "-m", "the service")
    git(tmp_path, "clone", "--quiet", str(origin), str(tmp_path / "checkout"))
    return tmp_path / "checkout"


@pytest.fixture
def runner(checkout: Path, tmp_path: Path) -> Callable[[Step], int]:
    """Run a step in the checkout, as `bash -e`, with what GitHub sets; return its exit code."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "gh").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/comment.txt\n')
    (tools / "gh").chmod(0o755)
    output, summary = tmp_path / "output", tmp_path / "summary"
    output.touch()
    path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    given = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_BASE_REF": "main"}
    given |= {"GITHUB_REF_NAME": "v1", "STUDY": f"{PLACE}/service.yaml", "ROUNDS": "6", "PATH": path, "NO_COLOR": "1"}

    def filled(text: str) -> str:
        known = dict(line.partition("=")[::2] for line in output.read_text().splitlines())
        text = re.sub(r"\$\{\{ steps\.gate\.outputs\.(\w+) \}\}", lambda found: known[found[1]], text)
        return re.sub(r"\$\{\{ github\.[\w.]+ \}\}", "7", text)

    def run(step: Step) -> int:
        env = {name: filled(str(value)) for name, value in dict(step.get("env") or {}).items()}
        done = subprocess.run(
            ["bash", "-e", "-c", str(step["run"])], cwd=checkout, env={**os.environ, **given, **env},
            capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False,
        )  # fmt: skip
        print(done.stdout, done.stderr)
        return done.returncode

    return run


def change(checkout: Path, before: str, after: str) -> None:
    """Commit a change of the study on a branch."""
    study = checkout / PLACE / "service.yaml"
    assert before in study.read_text()
    study.write_text(study.read_text().replace(before, after))
    git(checkout, "commit", "--quiet", "-am", "a change")


def test_a_pull_request_that_slows_the_service_down_is_blocked(checkout, runner, tmp_path):
    """Twice the work: the comment says FAIL with the numbers, JUnit is written, the last step fails."""
    change(checkout, "mean_s: 0.01", "mean_s: 0.02")
    job = steps("pull-request")
    assert runner(job["base"]) == 0
    assert runner(job["gate"]) == 0
    assert (tmp_path / "output").read_text() == "code=4\n"
    said = (checkout / "gate.md").read_text()
    assert "REGRESSIONS DETECTED (FAIL)" in said.splitlines()[0]
    assert (tmp_path / "summary").read_text() == said
    assert "<failure" in (checkout / "gate.xml").read_text()
    assert runner(job["comment"]) == 0
    assert (tmp_path / "comment.txt").read_text() == "pr comment 7 --edit-last --create-if-none --body-file gate.md\n"
    assert runner(job["verdict"]) == 1


@pytest.mark.long
def test_a_pull_request_that_changes_nothing_passes(checkout, runner, tmp_path):
    """A comment in the study is no change of the service."""
    change(checkout, "study: service", "# reworded\nstudy: service")
    job = steps("pull-request")
    assert [runner(job[name]) for name in ("base", "gate", "comment", "verdict")] == [0, 0, 0, 0]
    assert (tmp_path / "output").read_text() == "code=0\n"
    assert "NO REGRESSIONS (PASS)" in (checkout / "gate.md").read_text()


@pytest.mark.long
def test_main_is_measured_against_its_baseline(checkout, runner, tmp_path):
    """A release becomes the baseline; a night later the same code passes, and the report is there."""
    job = steps("main")
    assert [runner(job[name]) for name in ("measure", "baseline")] == [0, 0]
    assert [runner(job[name]) for name in ("measure", "nightly", "report")] == [0, 0, 0]
    assert "NO REGRESSIONS (PASS)" in (tmp_path / "summary").read_text()
    assert list((checkout / "reports").glob("*/report.html"))


def test_every_step_that_runs_something_was_run():
    """The tests above run all of them but the installation."""
    tested = {"base", "gate", "comment", "verdict", "measure", "baseline", "nightly", "report"}
    named = {name for job in ("pull-request", "main") for name in steps(job)}
    assert named == tested | {"install"}
