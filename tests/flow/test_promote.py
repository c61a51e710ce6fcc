"""Promotion: a winner with a passing verdict into a configuration file, with evidence, and back out of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.registry import Registry
from fairtrial.flow.book import reading, writing
from fairtrial.model.identity import digest_bytes

Type = Callable[..., tuple[int, str, str]]
Data = Callable[..., Any]
Write = Callable[..., Path]

RUNTIME = """\
# production
x: 1.0     # was measured in May
nested: {y: 1, z: 'keep'}
"""


@pytest.fixture
def run(study: Write, fairtrial: Type) -> Callable[..., None]:
    """Run the study (its winner has x = 3 and y = 2) and record a verdict about it, as a gate does."""

    def make(verdict: str | None = "PASS", *, verb: str = "gate", **changes: Any) -> None:
        study(**changes)
        assert fairtrial("run", "study.yaml", "--engine", "inline", "-q")[0] in (0, 3)
        if verdict is not None:
            judge(verdict, verb=verb)

    return make


def judge(verdict: str, *, verb: str = "gate", run: int = 1) -> None:
    """Record a verdict."""
    about = {"of": run, "run": run} if verb == "confirm" else {"baseline": run, "current": run}
    with writing() as book:
        book.act(verb, run=run, detail={**about, "verdict": verdict, "answer": "As good as before."})


@pytest.fixture
def runtime(here: Path) -> Path:
    """A configuration file."""
    path = here / "runtime.yaml"
    path.write_text(RUNTIME)
    return path


MAP = ("--map", "x=x", "--map", "y=nested.y")


def actions() -> list[dict[str, Any]]:
    """Read the action log."""
    with reading() as book:
        return [dict(action) for action in book.ledger.actions()]


def test_a_winner_is_promoted_with_evidence_beside_it_and_in_the_book(
    run: Callable[..., None], runtime: Path, fairtrial: Type
) -> None:
    """Only the mapped values change; the evidence says run, condition, metrics, verdict, digests and why."""
    run()
    before = runtime.read_bytes()
    code, out, err = fairtrial("promote", "1", "--to", "runtime.yaml", *MAP, "--why", "release 7")
    assert code == 0, err
    assert runtime.read_text() == RUNTIME.replace("x: 1.0 ", "x: 3.0 ").replace("y: 1", "y: 2")
    assert "\n-x: 1.0     # was measured in May\n" in out
    assert "\n+x: 3.0     # was measured in May\n" in out
    evidence = json.loads((runtime.parent / "runtime.yaml.evidence.json").read_text())
    assert evidence["condition"] == {"variant": "", "assignment": {"x": 3.0, "y": 2}}
    assert (evidence["run"], evidence["study"], evidence["why"]) == (1, "small", "release 7")
    assert evidence["verdict"]["verdict"] == "PASS"
    score = evidence["metrics"]["score"]
    assert score["n"] == 2
    assert score["interval"]["low"] < score["mean"] < score["interval"]["high"]
    with reading() as book:
        found = book.ledger.actions()[-1]
        assert book.ledger.verify() == []
    assert (found["verb"], found["run"], found["why"]) == ("promote", 1, "release 7")
    assert found["detail"]["evidence"] == evidence
    digests = (digest_bytes(before).hex(), digest_bytes(runtime.read_bytes()).hex())
    assert digests == (found["detail"]["before"], found["detail"]["after"])
    assert digests == (evidence["file"]["before"], evidence["file"]["after"])


@pytest.mark.parametrize(
    ("verb", "verdict", "code"),
    [
        ("gate", "FAIL", 4),
        ("compare", "INVALID", 6),
        ("confirm", "not supported", 4),
    ],
)
def test_without_a_passing_verdict_nothing_is_written(
    run: Callable[..., None], runtime: Path, fairtrial: Type, verb: str, verdict: str, code: int
) -> None:
    """The exit code is the verdict's; --force needs a reason, and the evidence says that it was forced."""
    run(verdict, verb=verb)
    refused, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", *MAP)
    assert refused == code
    assert err.startswith(f"fairtrial: run 1 is not promoted: {verb} (entry 2) says {verdict}")
    assert err.count("\n") == 1
    assert runtime.read_text() == RUNTIME
    assert fairtrial("promote", "1", "--to", "runtime.yaml", *MAP, "--force")[0] == 2
    forced, out, err = fairtrial("promote", "1", "--to", "runtime.yaml", *MAP, "--force", "--why", "demo")
    assert forced == 0, err
    assert "forced: run 1 is not promoted" in out
    evidence = json.loads((runtime.parent / "runtime.yaml.evidence.json").read_text())
    assert (evidence["forced"], evidence["verdict"]["verdict"]) == (True, verdict)


def test_a_verdict_from_before_an_amendment_does_not_count(
    run: Callable[..., None], runtime: Path, fairtrial: Type, study: Write
) -> None:
    """The run has other numbers since: inconclusive, unless its own findings say yes."""
    run()
    study(factors={"x": [1.0, 2.0, 3.0, 4.0], "y": [1, 2]}, replicates=1)
    fairtrial("run", "study.yaml", "--engine", "inline", "-q")
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", *MAP)
    assert code == 5, err
    assert "before the run was last changed" in err


NOISY = """
from random import Random

def measure(x: float, y: int = 1, *, seed: int) -> dict[str, float]:
    return {"score": y + Random(f"{seed} {x} {y}").gauss(0, 1)}
"""
ARMS = {"factors": {"x": [1.0, 2.0]}, "variants": {"high": {"set": {"y": 9}}, "low": {"set": {"y": 1}}}}


@pytest.mark.parametrize(
    ("expect", "by"),
    [
        (["high.score > low.score"], "claims"),
        (["score is flat with x", "high.score > low.score by 5", "low.score > high.score"], "claims"),
        (["low.score > high.score"], ""),
        (["score < 20"], ""),
    ],
)
def test_claims_about_the_winner_license_it_and_others_say_nothing(
    run: Callable[..., None], runtime: Path, fairtrial: Type, here: Path, expect: list[str], by: str
) -> None:
    """The winner is of arm `high`; of two levels of x that cannot be told apart, none is the optimum."""
    (here / "model.py").write_text(NOISY)
    run(None, **ARMS, replicates=6, expect=expect)
    code, out, err = fairtrial("promote", "1", "--to", "runtime.yaml", *MAP, "--dry-run", "--json")
    if by:
        assert code == 0, err
        assert json.loads(out)["data"]["permit"]["by"] == by
    else:
        assert code == 5, out
        assert "optimum says inconclusive" in err


def test_a_confirmation_that_does_not_confirm_refuses(run: Callable[..., None], runtime: Path, fairtrial: Type) -> None:
    """The run's own optimum is supported; a newer inconclusive confirmation holds until a gate passes."""
    run(None, replicates=6)
    assert fairtrial("promote", "1", "--to", "runtime.yaml", *MAP, "--dry-run")[0] == 0
    judge("inconclusive", verb="confirm")
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", *MAP, "--dry-run")
    assert code == 5
    assert "run 1 is not promoted: confirm (entry 2) says inconclusive" in err
    judge("PASS")
    assert fairtrial("promote", "1", "--to", "runtime.yaml", *MAP, "--dry-run")[0] == 0


def test_a_run_without_factors_has_no_winner(run: Callable[..., None], runtime: Path, fairtrial: Type) -> None:
    """There was nothing to choose, whatever a gate says of it."""
    run(factors=None, base={"x": 1}, replicates=5)
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", *MAP)
    assert code == 2
    assert err == "fairtrial: run 1 has no winner: its study has no factors, so there is nothing to choose\n"
    assert runtime.read_text() == RUNTIME


def test_a_mapping_is_not_replaced_by_a_number(run: Callable[..., None], runtime: Path, fairtrial: Type) -> None:
    """Not even with --force."""
    run()
    for force in ((), ("--force", "--why", "demo")):
        code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "y=nested", *force)
        assert code == 2
        assert "runtime.yaml: nested is a mapping, and y is a single value" in err
        assert "(its keys: y, z)" in err
    assert runtime.read_text() == RUNTIME


def test_a_dry_run_shows_the_diff_and_writes_nothing(run: Callable[..., None], runtime: Path, fairtrial: Type) -> None:
    """No file, no evidence, no entry."""
    run()
    count = len(actions())
    code, out, _ = fairtrial("promote", "--to", "runtime.yaml", *MAP, "--dry-run")
    assert code == 0
    assert "+x: 3.0" in out
    assert "\x1b" not in out
    assert runtime.read_text() == RUNTIME
    assert not (runtime.parent / "runtime.yaml.evidence.json").exists()
    assert len(actions()) == count


def test_without_a_mapping_names_that_the_file_has_are_taken(
    run: Callable[..., None], runtime: Path, fairtrial: Type
) -> None:
    """What has no key is named; where nothing has one, it is refused."""
    run()
    code, out, _ = fairtrial("promote", "1", "--to", "runtime.yaml")
    assert code == 0
    assert "not promoted: y has no key in runtime.yaml" in out
    assert runtime.read_text() == RUNTIME.replace("x: 1.0", "x: 3.0")
    runtime.write_text("other: 1\n")
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml")
    assert code == 2
    assert "no parameter of the winner is a key of runtime.yaml (--map x=KEY" in err


def test_mapping_files_and_missing_keys(run: Callable[..., None], runtime: Path, fairtrial: Type, here: Path) -> None:
    """--map goes above --map-file; a key that is not there is refused with the nearest one, unless --add."""
    run()
    (here / "map.yaml").write_text("x: nested.z\ny: nested.yy\n")
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map-file", "map.yaml")
    assert code == 2
    assert "unknown key of runtime.yaml 'nested.yy' (did you mean 'nested.y'?" in err
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map-file", "map.yaml", "--map", "x=x", "--add")
    assert code == 0, err
    assert "nested: {y: 1, z: 'keep', yy: 2}" in runtime.read_text()
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "xx=x")
    assert code == 2
    assert "unknown parameter 'xx'" in err


def test_values_that_are_there_already_need_no_writing(
    run: Callable[..., None], runtime: Path, fairtrial: Type
) -> None:
    """3 is 3.0: the file stays as it is, and there is nothing to undo."""
    run()
    runtime.write_text("x: 3   # three\n")
    code, out, _ = fairtrial("promote", "1", "--to", "runtime.yaml")
    assert code == 0
    assert "has these values already" in out
    assert runtime.read_text() == "x: 3   # three\n"
    assert fairtrial("undo")[0] == 6


def test_undo_restores_every_byte(run: Callable[..., None], runtime: Path, fairtrial: Type) -> None:
    """Twice promoted, twice taken back, newest first; the evidence follows; a third undo finds nothing."""
    run()
    runtime.write_bytes(RUNTIME.replace("\n", "\r\n").encode())
    evidence = runtime.parent / "runtime.yaml.evidence.json"
    first = runtime.read_bytes()
    fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "x=x")
    second, said = runtime.read_bytes(), evidence.read_bytes()
    fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "y=nested.y")
    assert evidence.read_bytes() != said
    code, out, err = fairtrial("undo", "--why", "too slow")
    assert code == 0, err
    assert "+nested: {y: 1, z: 'keep'}" in out
    assert (runtime.read_bytes(), evidence.read_bytes()) == (second, said)
    assert fairtrial("undo")[0] == 0
    assert runtime.read_bytes() == first
    assert not evidence.exists()
    code, _, err = fairtrial("undo")
    assert (code, "no promotion to take back" in err) == (6, True)


def test_a_file_that_was_edited_since_is_not_overwritten(
    run: Callable[..., None], runtime: Path, fairtrial: Type
) -> None:
    """One line says what it was; the edit stays; an earlier entry cannot be taken back under a later one."""
    run()
    fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "x=x")
    entry = actions()[-1]["id"]
    promoted = runtime.read_text()
    runtime.write_text(promoted + "# mine\n")
    code, _, err = fairtrial("undo")
    assert code == 2
    assert f"was edited since entry {entry} promoted it (nothing was written; by hand: x was 1.0)" in err
    assert runtime.read_text() == promoted + "# mine\n"
    runtime.write_text(promoted)
    fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "y=nested.y")
    assert fairtrial("undo", str(entry))[0] == 2
    assert fairtrial("undo", "1")[0] == 2


def test_promotion_refuses_a_file_that_changes_under_it(
    run: Callable[..., None], runtime: Path, fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the diff and the writing somebody else saves: theirs stays, and no entry claims a promotion."""
    from fairtrial.flow import promote as flow

    run()
    prepared = flow._prepared

    def slow(*words: Any, **named: Any) -> Any:
        made = prepared(*words, **named)
        runtime.write_text("x: 99\n")
        return made

    monkeypatch.setattr(flow, "_prepared", slow)
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "x=x")
    assert code == 2
    assert "was changed meanwhile" in err
    assert runtime.read_text() == "x: 99\n"
    assert not (runtime.parent / "runtime.yaml.evidence.json").exists()
    assert [action["verb"] for action in actions()][-1] == "failed"


def test_a_book_that_cannot_be_written_leaves_the_file_as_it_was(
    run: Callable[..., None], runtime: Path, monkeypatch: pytest.MonkeyPatch, fairtrial: Type
) -> None:
    """No promotion without its record."""
    from fairtrial.errors import BookUnwritable
    from fairtrial.store.book import Book

    run()

    def refuse(*_: Any, **__: Any) -> None:
        raise BookUnwritable("disk full")

    monkeypatch.setattr(Book, "act", refuse)
    assert fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "x=x")[0] == 8
    assert runtime.read_text() == RUNTIME


SECRET = """
from fairtrial.model.secret import Secret
def measure(x: float, token: Secret, *, seed: int) -> dict[str, float]:
    return {"score": x + seed % 7 / 10}
"""


def test_secrets_are_never_written(
    here: Path, run: Callable[..., None], runtime: Path, fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by name, not by mapping, and neither evidence nor book holds the value."""
    monkeypatch.setenv("TOKEN", "hunter2")
    (here / "model.py").write_text(SECRET)
    run(base={"token": {"secret": "TOKEN"}}, factors={"x": [1.0, 2.0]}, study="secret")
    runtime.write_text("x: 1\ntoken: {secret: old}\n")
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "token=token")
    assert (code, "token is a secret, which is never written" in err) == (2, True)
    assert fairtrial("promote", "1", "--to", "runtime.yaml")[0] == 0
    assert runtime.read_text() == "x: 2.0\ntoken: {secret: old}\n"
    kept = b"".join(path.read_bytes() for path in here.rglob("*") if path.is_file() and path.suffix != ".py")
    assert b"hunter2" not in kept


def test_a_winner_that_breaks_a_service_level_is_refused(
    run: Callable[..., None], runtime: Path, fairtrial: Type
) -> None:
    """Also where the gate passed it."""
    run(slo={"score": {"max": 20}})
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml", "--map", "x=x")
    assert code == 4
    assert "the winner breaks score <= 20" in err


VOUCHING = """
from pydantic import BaseModel, ConfigDict
from fairtrial.model.study import Direction, Metric

class Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid")
    x: float = 1.0

class System:
    name = "vouching"
    version = "1"
    Parameters = Parameters
    metrics = {"score": Metric("score", Direction.MAXIMIZE)}
    def run(self, parameters, context):
        return {"score": parameters.x}
    def vouch(self, parameters, metrics):
        return f"x = {parameters.x} overheats at a score of {metrics['score']:g}" if parameters.x > 2 else ""
"""


def test_the_system_has_a_say(here: Path, monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    """A system that vouches may refuse its winner; --force overrides it, and the evidence says so."""
    from fairtrial import Study
    from fairtrial.errors import GateFailed
    from fairtrial.flow.promote import Asked, promote

    (here / "vouching.py").write_text(VOUCHING)
    monkeypatch.syspath_prepend(str(here))
    from vouching import System  # type: ignore[import-not-found]

    Study(study="v", system=System(), factors={"x": [1.0, 3.0]}, replicates=2).run(folder=here, engine="inline")
    judge("PASS")
    registry = Registry({"system": {"vouching": System()}})
    with pytest.raises(GateFailed, match=r"x = 3\.0 overheats at a score of 3"):
        promote(here, 1, runtime, asked=Asked(mapping={"x": "x"}), registry=registry)
    made = promote(here, 1, runtime, asked=Asked(mapping={"x": "x"}, force=True, why="cold room"), registry=registry)
    assert made.forced
    assert "overheats" in json.loads(Path(made.evidence).read_text())["objection"]


def test_imported_results_are_not_promoted(here: Path, fairtrial: Type, runtime: Path) -> None:
    """There is no system to take parameters from."""
    (here / "old.csv").write_text("x,rep,acc\n1,0,0.9\n1,1,0.8\n2,0,0.95\n2,1,0.97\n")
    words = ("--study", "old", "--metric", "acc", "--map", "x=x", "--map", "replicate=rep")
    assert fairtrial("import", "old.csv", *words)[0] == 0
    judge("PASS")
    code, _, err = fairtrial("promote", "1", "--to", "runtime.yaml")
    assert (code, "run 1 was imported: there is no system" in err) == (2, True)


def test_toml_and_json_and_links(run: Callable[..., None], fairtrial: Type, here: Path) -> None:
    """Evidence lies beside the file that a link points at."""
    run()
    (here / "conf").mkdir()
    (here / "conf" / "r.toml").write_text("[pool]\nx = 1.0 # c\n")
    (here / "r.json").write_text('{"x": 1.0,\n "y": 1}\n')
    (here / "current.toml").symlink_to("conf/r.toml")
    assert fairtrial("promote", "1", "--to", "current.toml", "--map", "x=pool.x")[0] == 0
    assert (here / "conf" / "r.toml").read_text() == "[pool]\nx = 3.0 # c\n"
    assert (here / "current.toml").is_symlink()
    assert (here / "conf" / "r.toml.evidence.json").exists()
    assert fairtrial("promote", "1", "--to", "r.json")[0] == 0
    assert (here / "r.json").read_text() == '{"x": 3.0,\n "y": 2}\n'
    assert fairtrial("undo")[0] == 0
    assert (here / "r.json").read_text() == '{"x": 1.0,\n "y": 1}\n'


def test_without_tomlkit_the_extra_is_named(
    run: Callable[..., None], fairtrial: Type, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 8 and the command that brings it."""
    import sys

    run()
    (here / "r.toml").write_text("x = 1.0\n")
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    code, _, err = fairtrial("promote", "1", "--to", "r.toml")
    assert code == 8
    assert "pip install 'fairtrial[toml]'" in err


def test_json_output(run: Callable[..., None], runtime: Path, data: Data) -> None:
    """The promotion as a record, with its diff and its changes."""
    run()
    made = data("promote", "1", "--to", "runtime.yaml", *MAP)
    assert made["written"] is True
    assert [(change["key"], change["old"], change["new"]) for change in made["changes"]] == [
        ("x", 1.0, 3.0),
        ("nested.y", 1, 2),
    ]
    assert made["diff"].startswith("--- runtime.yaml\n")
    assert data("undo")["run"] == 1


def test_the_newest_run_is_promoted_where_none_is_named(
    run: Callable[..., None], runtime: Path, fairtrial: Type
) -> None:
    """As with every verb."""
    run()
    assert "winner of run 1 (small): x = 3, y = 2" in fairtrial("promote", "--to", "runtime.yaml", *MAP)[1]
