"""The order of execution: warm-up, randomised blocks, the drift sentinel, spin loops."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from fairtrial import Study
from fairtrial.flow.book import reading
from fairtrial.model.run import AttemptRow
from fairtrial.model.trial import Role

WORDS = {"system": {"python": "model:measure"}, "metrics": {"score": "maximize"}}


def attempts(run: int) -> list[AttemptRow]:
    with reading() as book:
        return sorted(book.ledger.attempts(run=run), key=lambda row: row.started)


def test_a_timing_study_runs_alone_in_blocks_with_a_sentinel(here: Path) -> None:
    """One at a time; each block holds every condition once, shuffled; spin loops; the first again at last."""
    made = Study(study="t", factors={"x": [1, 2, 3, 4, 5]}, replicates=3, timing=True, **WORDS).run()
    rows = attempts(made.number)
    assert [row.role for row in rows] == [Role.TRIAL] * 15 + [Role.SENTINEL]
    assert all(later.started >= (earlier.ended or 0) - 0.06 for earlier, later in pairwise(rows))
    place = {trial.digest: trial for trial in made.trials()}
    order = [(place[row.trial].replicate, place[row.trial].assignment["x"]) for row in rows[:15]]
    assert [replicate for replicate, _ in order] == [0] * 5 + [1] * 5 + [2] * 5
    blocks = [[x for _, x in order[start : start + 5]] for start in (0, 5, 10)]
    assert all(sorted(block) == [1, 2, 3, 4, 5] for block in blocks)
    assert len({tuple(block) for block in blocks}) > 1
    assert rows[-1].trial == rows[0].trial
    assert all(row.usage.spin_before_s and row.usage.spin_after_s for row in rows)
    assert made.frame().height == 15


def test_warm_up_is_recorded_and_never_counts(here: Path) -> None:
    """Two warm-up attempts come first, in every session that has something to run."""
    words = {"factors": {"x": [1, 2, 3]}, "order": {"warmup": 2}, "parallel": {"jobs": 1}}
    made = Study(study="w", **words, **WORDS).run()
    roles = [row.role for row in attempts(made.number)]
    assert roles == [Role.WARMUP] * 2 + [Role.TRIAL] * 3
    assert made.frame().height == 3
    Study(study="w", **words, **WORDS).run()
    assert len(attempts(made.number)) == 5
    Study(study="w", **(words | {"factors": {"x": [1, 2, 3, 4]}}), **WORDS).run()
    assert [row.role for row in attempts(made.number)][5:] == [Role.WARMUP, Role.TRIAL]
