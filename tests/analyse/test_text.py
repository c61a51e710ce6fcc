"""Text: whole words in any case and script, shares with honest intervals, whole trials exchanged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.text import matcher, mentions
from fairtrial.errors import NothingMeasured, UnknownName, UserError
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.outcome import Status
from fairtrial.model.run import TrialRow


def trial(number, *, dose=0.0, replicate=0, status=Status.DONE, variant="", **more):
    """Make a trial."""
    return TrialRow(
        run=1,
        number=number,
        digest=number.to_bytes(16, "big"),
        variant=variant,
        assignment={"dose": dose, **more},
        replicate=replicate,
        seed=replicate,
        status=status,
        attempt=1,
    )


def study(rates, *, replicates=6, answers=10, seed=0):
    """Make answers of a full design: at each level a share of them mentions trust."""
    rng = np.random.default_rng(seed)
    made = []
    for replicate in range(replicates):
        for dose, rate in enumerate(rates):
            texts = ["I trust it." if said else "No idea." for said in rng.random(answers) < rate]
            made.append((trial(len(made) + 1, dose=dose, replicate=replicate), texts))
    return made


@pytest.mark.parametrize(
    ("keyword", "text", "said"),
    [
        ("trust", "I TRUST it", True),
        ("trust", "mistrusted", False),
        ("trust", "trust-worthy", True),
        ("trust", "trust_me", False),
        ("straße", "die STRASSE", True),
        ("é", "caf\u0065\u0301 e\u0301", True),
        ("вера", "Вера!", True),
        ("no one", "No\n  one knows", True),
        ("C++", "in c++.", True),
        ("C++", "in c++20", False),
        ("a.b", "acb", False),
    ],
)
def test_words_count_whole(keyword, text, said):
    """Whatever the case, the coding of accents, the white space between words and the signs around them."""
    assert matcher(keyword)(text) is said


def test_shares_per_level():
    """Answers are counted per level, with an interval each, and the change is shown."""
    found = mentions(study([0.1, 0.5, 0.9]), keyword="trust", factor="dose", table="answers", column="text")
    assert [share.level for share in found.shares] == [0, 1, 2]
    assert [share.answers for share in found.shares] == [60, 60, 60]
    assert all(share.interval.low < share.share < share.interval.high for share in found.shares)
    assert found.verdict is Verdict.SUPPORTED
    assert found.p < 0.01
    assert (found.table, found.column) == ("answers", "text")
    assert "change with dose" in found.answer


def test_no_change_is_inconclusive():
    """Equal rates are not shown to differ; without a margin they are not shown to be equal either."""
    found = mentions(study([0.4, 0.4, 0.4]), keyword="trust", factor="dose")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.p > 0.05


def test_what_would_settle_it():
    """The smallest difference that is named is found in about 80 % of studies in which it is the truth."""
    open_ = mentions(study([0.4, 0.45], replicates=10), keyword="trust", factor="dose")
    assert open_.verdict is Verdict.INCONCLUSIVE
    assert open_.needed.replicates > 10
    apart = open_.needed.smallest_effect / 2
    rates = [0.425 - apart, 0.425 + apart]
    drawn = (mentions(study(rates, replicates=10, seed=seed), keyword="trust", factor="dose") for seed in range(150))
    assert 0.68 < sum(found.verdict is Verdict.SUPPORTED for found in drawn) / 150 < 0.92
    assert mentions(study([0.1, 0.9]), keyword="trust", factor="dose").needed.replicates is None
    assert mentions(study([0.1, 0.9], replicates=1), keyword="trust", factor="dose").needed.replicates == 2
    assert mentions(study([0.0, 0.0]), keyword="trust", factor="dose").needed.smallest_effect is None


def test_answers_of_one_trial_are_not_independent():
    """Trials that say all or nothing are as many answers as trials: wide intervals, and a sentence."""
    rng = np.random.default_rng(0)
    made = []
    for replicate in range(6):
        for dose in range(2):
            text = "I trust it." if rng.random() < 0.5 else "No idea."
            made.append((trial(len(made) + 1, dose=dose, replicate=replicate), [text] * 50))
    found = mentions(made, keyword="trust", factor="dose")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "resemble each other" in found.answer
    assert "design effect" in found.shares[0].interval.method
    assert found.shares[0].interval.high - found.shares[0].interval.low > 0.5


def test_other_factors_are_held_still():
    """A factor that moves the share more than the one asked for does not hide it: exchange is within its levels."""
    rng = np.random.default_rng(0)
    made = []
    for replicate in range(5):
        for tone, base in (("mild", 0.1), ("harsh", 0.7)):
            for dose in range(2):
                said = rng.random(30) < base + 0.2 * dose
                row = trial(len(made) + 1, dose=dose, replicate=replicate, tone=tone)
                made.append((row, ["trust" if yes else "no" for yes in said]))
    assert mentions(made, keyword="trust", factor="dose").verdict is Verdict.SUPPORTED


def test_arms_are_a_factor():
    """`variant` compares the arms."""
    made = [
        (trial(2 * k + arm + 1, replicate=k, variant=("mild", "harsh")[arm]), ["trust"] * (10 * arm) + ["no"] * 10)
        for k in range(8)
        for arm in range(2)
    ]
    found = mentions(made, keyword="trust", factor="variant")
    assert {share.level for share in found.shares} == {"mild", "harsh"}
    assert found.verdict is Verdict.SUPPORTED


def test_one_replicate_is_inconclusive():
    """However clear it looks."""
    found = mentions(study([0.0, 0.0, 1.0, 1.0], replicates=1), keyword="trust", factor="dose")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert CautionKind.FEW_REPLICATES in {caution.kind for caution in found.cautions}


def test_one_level_has_a_share_and_no_test():
    """There is nothing to compare."""
    found = mentions(study([0.5]), keyword="trust", factor="dose")
    assert found.p is None
    assert "one level" in found.answer


def test_trials_without_answers_are_counted():
    """A failed trial and an empty one are missing, never an answer without the word; too many end in no verdict."""
    made = study([0.1, 0.9], replicates=10)
    made[0] = (trial(1, status=Status.FAILED), ["trust"])
    made[1] = (made[1][0], [None])
    found = mentions(made, keyword="trust", factor="dose", trials=20)
    assert sum(share.answers for share in found.shares) == 180
    kinds = {caution.kind for caution in found.cautions}
    assert {CautionKind.CENSORED, CautionKind.INCOMPLETE} <= kinds
    assert found.verdict is Verdict.INCONCLUSIVE
    assert mentions(made, keyword="trust", factor="dose", trials=20, completeness=0.8).verdict is Verdict.SUPPORTED


def test_a_word_of_the_prompt_is_a_caution():
    """An answer may repeat what it was shown."""
    found = mentions(study([0.1, 0.9]), keyword="trust", factor="dose", prompts=["Do you trust me?", "Hello"])
    (caution,) = (caution for caution in found.cautions if caution.kind is CautionKind.ECHO)
    assert "1 of 2 prompts" in caution.text
    other = mentions(study([0.1, 0.9]), keyword="trust", factor="dose", prompts=["Do you mistrust me?"])
    assert CautionKind.ECHO not in {caution.kind for caution in other.cautions}


def test_bad_questions_have_one_line():
    """No keyword, no such factor, nothing to read."""
    with pytest.raises(UserError, match="keyword is empty"):
        mentions(study([0.5]), keyword="  ", factor="dose")
    with pytest.raises(UnknownName, match="did you mean 'dose'"):
        mentions(study([0.5]), keyword="trust", factor="doze")
    with pytest.raises(NothingMeasured, match="no trial has an answer"):
        mentions([], keyword="trust", factor="dose")


@given(st.integers(0, 1000), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_trials_does_not_change_it(seed, random):
    """Tables read in another order say the same."""
    made = study([0.3, 0.4, 0.6], replicates=3, seed=seed)
    moved = list(made)
    random.shuffle(moved)
    assert mentions(moved, keyword="trust", factor="dose") == mentions(made, keyword="trust", factor="dose")
