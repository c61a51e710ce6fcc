"""Text: the share of answers that mention a keyword as a whole word, level by level of a factor."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fairtrial.analyse.coding import codes
from fairtrial.analyse.data import ARMS
from fairtrial.analyse.doubts import few, incomplete, reached
from fairtrial.errors import NothingMeasured, UnknownName, UserError
from fairtrial.model.choice import Share, TextFinding
from fairtrial.model.finding import Caution, CautionKind, Interval, Needed, Verdict
from fairtrial.model.outcome import Status
from fairtrial.model.run import TrialRow
from fairtrial.model.study import ABSENT
from fairtrial.model.words import count, level, percent, probability
from fairtrial.stats.clustered import clustered_interval, design_effect, levels_differ
from fairtrial.stats.power import replicates_for, smallest_effect
from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats, Integers

Answers = Sequence[tuple[TrialRow, Sequence[str | None]]]
"""Trials with their texts; None is no answer."""
CLUSTERED = 1.5
"""Design effect from which a sentence says that answers of one trial resemble each other."""


def mentions(
    answers: Answers,
    *,
    keyword: str,
    factor: str,
    table: str = "",
    column: str = "",
    prompts: Sequence[str] = (),
    trials: int | None = None,
    alpha: float = 0.05,
    completeness: float = 1.0,
    seed: int = 0,
) -> TextFinding:
    """Count the answers that mention a keyword, per level of a factor (`variant`: the arms).

    A word counts whole, whatever its case, in any script; words of a phrase may be any white space apart. Answers of
    one trial resemble each other, so the trial is the unit: the test exchanges whole trials between levels within a
    replicate and setting of the other factors, and the binomial intervals are widened by the design effect. `prompts`
    are texts that the subject was shown; `trials` is how many the run settled, those without a text included. Raises
    UserError for an empty keyword, UnknownName for a factor, NothingMeasured where there is no answer.
    """
    matches = matcher(keyword)
    counts = _counted(answers, matches, factor)
    p = levels_differ(
        counts.hits, counts.sizes, level=counts.level, block=counts.block, rng=generator(seed, "text", factor, keyword)
    )
    effect, df = design_effect(counts.hits, counts.sizes, counts.level)
    share = len(counts.hits) / trials if trials else 1.0
    enough = counts.replicates >= 2 and reached(share, completeness)
    verdict = Verdict.SUPPORTED if enough and p is not None and p <= alpha else Verdict.INCONCLUSIVE
    shares = tuple(_share(counts, place, effect, df, 1 - alpha) for place in range(len(counts.levels)))
    echo = sum(map(matches, prompts))
    made = TextFinding(
        keyword=keyword,
        table=table,
        column=column,
        factor=factor,
        shares=shares,
        p=p,
        verdict=verdict,
        answer="",
        needed=_needed(counts, shares, effect, alpha, verdict),
        cautions=tuple(_cautions(keyword, counts, share, completeness, (echo, len(prompts)))),
    )
    return replace(made, answer=_answer(made, counts, effect))


def matcher(keyword: str) -> Callable[[str], bool]:
    """Return what says whether a text mentions a keyword as a whole word. Raises UserError for an empty one."""
    words = folded(keyword).split()
    if not words:
        raise UserError("the keyword is empty", hint="--keyword trust")
    pattern = re.compile(r"(?<!\w)" + r"\s+".join(map(re.escape, words)) + r"(?!\w)")
    return lambda text: pattern.search(folded(text)) is not None


def folded(text: str) -> str:
    """Return a text in which letters that differ by case or by their coding alone are the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True, slots=True)
class _Counts:
    """One entry a trial, in trial order; levels in ascending order where they are numbers."""

    levels: tuple[Any, ...]
    level: Integers
    block: Integers
    hits: Floats
    sizes: Floats
    replicates: int
    empty: int
    """Trials that failed or have no answer."""


def _counted(answers: Answers, matches: Callable[[str], bool], factor: str) -> _Counts:
    rows = sorted(((row, texts) for row, texts in answers), key=lambda pair: (pair[0].run, pair[0].number))
    known = {path for row, _ in rows for path in row.assignment} | {ARMS}
    if rows and factor not in known:
        raise UnknownName("factor", factor, known)
    kept = [
        (row, said)
        for row, texts in rows
        if _level(row, factor) is not ABSENT
        and row.status is Status.DONE
        and (said := [t for t in texts if t is not None])
    ]
    if not kept:
        raise NothingMeasured("no trial has an answer", hint="fairtrial show lists the tables of a run")
    level, levels = _ordered([_level(row, factor) for row, _ in kept])
    return _Counts(
        levels=levels,
        level=level,
        block=_blocks([row for row, _ in kept], level, factor),
        hits=np.array([sum(map(matches, texts)) for _, texts in kept], dtype=np.float64),
        sizes=np.array([len(texts) for _, texts in kept], dtype=np.float64),
        replicates=len({row.replicate for row, _ in kept}),
        empty=len(rows) - len(kept),
    )


def _level(row: TrialRow, factor: str) -> Any:
    return row.variant if factor == ARMS and ARMS not in row.assignment else row.assignment.get(factor, ABSENT)


def _ordered(column: list[Any]) -> tuple[Integers, tuple[Any, ...]]:
    code, levels = codes(column)
    if not all(isinstance(level, int | float) and not isinstance(level, bool) for level in levels):
        return code, tuple(levels)
    order = sorted(range(len(levels)), key=lambda place: levels[place])
    return np.argsort(order)[code].astype(np.int64), tuple(levels[place] for place in order)


def _blocks(rows: Sequence[TrialRow], level: Integers, factor: str) -> Integers:
    """Number the blocks: replicate and all other settings; replicates alone where no such block holds two levels."""
    others = [
        [row.replicate, row.variant if factor != ARMS else "", {k: v for k, v in row.assignment.items() if k != factor}]
        for row in rows
    ]
    block = codes(others)[0]
    pairs = np.unique(np.stack([block, level]), axis=1)[0]
    if np.bincount(pairs).max() > 1:
        return block
    return codes([row.replicate for row in rows])[0]


def _share(counts: _Counts, place: int, effect: float, df: int, level: float) -> Share:
    here = counts.level == place
    hits, size = int(counts.hits[here].sum()), int(counts.sizes[here].sum())
    ends = clustered_interval(hits, size, effect=effect, df=df, level=level)
    method = "Clopper-Pearson" if effect <= 1 else f"Clopper-Pearson, design effect {effect:.2g}"
    return Share(
        counts.levels[place],
        hits,
        size,
        hits / size if size else None,
        None if ends is None else Interval(*ends, level, method),
    )


def _needed(counts: _Counts, shares: Sequence[Share], effect: float, alpha: float, verdict: Verdict) -> Needed:
    """Say what a t test of the trials' shares would see between two of the levels, any pair of which may differ."""
    told = [share.share for share in shares if share.share is not None]
    if len(told) < 2 or counts.replicates < 2:
        return Needed(None, None if len(told) < 2 else 2)
    rate, trials = float(counts.hits.sum() / counts.sizes.sum()), int(np.bincount(counts.level).min())
    if not 0 < rate < 1:
        return Needed(None)
    sd, level = math.sqrt(rate * (1 - rate) * effect / float(counts.sizes.mean())), alpha / math.comb(len(told), 2)
    smallest = smallest_effect(sd, trials, alpha=level, paired=False)
    seen = smallest if smallest < 1 else None
    if verdict is not Verdict.INCONCLUSIVE:
        return Needed(seen)
    more = replicates_for(max(told) - min(told), sd, alpha=level, paired=False)
    asked = None if more is None else math.ceil(more * counts.replicates / trials)
    return Needed(seen, None if asked is None else max(asked, counts.replicates + 1))


def _answer(found: TextFinding, counts: _Counts, effect: float) -> str:
    keyword, factor = found.keyword, found.factor
    told = [share for share in found.shares if share.share is not None]
    low, high = (which(told, key=lambda share: share.share or 0.0) for which in (min, max))
    size = f"{count(int(counts.sizes.sum()), 'answer')} of {count(len(counts.hits), 'trial')}"
    alike = f"; answers of one trial resemble each other, design effect {effect:.2g}" if effect >= CLUSTERED else ""
    ends = [f"{percent(one.share or 0.0)} at {factor} = {level(one.level)}" for one in (low, high)]
    run = f"from {' to '.join(ends)}"
    if len(found.shares) < 2:
        return f"Inconclusive: mentions of {keyword!r} are {ends[0]}, and {factor} has one level ({size})."
    if found.p is None:
        return f"Inconclusive: mentions of {keyword!r} run {run}, but no replicate has two levels to compare ({size})."
    facts = f"{probability(found.p)}; {size}, {count(counts.replicates, 'replicate')}{alike}"
    if found.verdict is Verdict.SUPPORTED:
        return f"Mentions of {keyword!r} change with {factor}, {run} ({facts})."
    return f"Inconclusive: mentions of {keyword!r} are not shown to change with {factor}; they run {run} ({facts})."


def _cautions(
    keyword: str, counts: _Counts, share: float, completeness: float, echo: tuple[int, int]
) -> Iterator[Caution]:
    yield from incomplete(share, completeness)
    if counts.empty:
        yield Caution(
            CautionKind.CENSORED,
            f"{count(counts.empty, 'trial')} gave no answer.",
            "Read the shares as those of the trials that answered.",
        )
    yield from few(counts.replicates, f"There are only {count(counts.replicates, 'replicate')}.")
    if echo[0]:
        yield Caution(
            CautionKind.ECHO,
            f"{keyword!r} stands in {echo[0]} of {count(echo[1], 'prompt')}: an answer may only repeat it.",
            "Choose a word that no prompt contains, or compare with an arm whose prompts lack it.",
        )
