"""The closed grammar of `expect`."""

from __future__ import annotations

import pytest

from fairtrial.errors import SpecError
from fairtrial.model.claim import Claim, ClaimKind, Margin

FACTORS = {"load.clients": [1, 2, 4], "load.mode": ["closed", "open"], "load.rate": {"interval": [1, 9]}}
ARMS = {"tuned": {"factors": {"target.settings.m": [4, 64]}}, "v1.2": {"baseline": True}}
HEAD = """\
study: s
system: service
base: {duration_s: 1}
design: {kind: random, n: 4}
factors: {load.clients: [1, 2, 4], load.mode: [closed, open]}
variants: {tuned: {factors: {target.settings.m: [4, 64]}}, plain: {}}
expect:
"""


@pytest.fixture
def claims(document):
    """Read the claims of a study with two arms and factors of every kind."""
    words = {"design": {"kind": "random", "n": 4}, "factors": FACTORS, "variants": ARMS}
    return lambda *lines, **more: document(**{**words, **more, "expect": list(lines)}).expect


@pytest.mark.parametrize(
    ("line", "claim"),
    [
        (
            "latency_p99_s increases with load.clients",
            Claim("", ClaimKind.INCREASES, metric="latency_p99_s", factor="load.clients"),
        ),
        (
            "throughput_per_s  decreases with load.rate",
            Claim("", ClaimKind.DECREASES, metric="throughput_per_s", factor="load.rate"),
        ),
        (
            "latency_p99_s is flat with load.mode",
            Claim("", ClaimKind.FLAT, metric="latency_p99_s", factor="load.mode"),
        ),
        (
            "latency_p99_s is flat with variant",
            Claim("", ClaimKind.FLAT, metric="latency_p99_s", factor="variant"),
        ),
        (
            "tuned.throughput_per_s > v1.2.throughput_per_s",
            Claim("", ClaimKind.EXCEEDS, metric="throughput_per_s", arms=("tuned", "v1.2")),
        ),
        (
            "v1.2.throughput_per_s > tuned.throughput_per_s by 5 %",
            Claim(
                "", ClaimKind.EXCEEDS, "throughput_per_s", arms=("v1.2", "tuned"), margin=Margin(0.05, relative=True)
            ),
        ),
        (
            "tuned.latency_p99_s > v1.2.latency_p99_s by 2ms",
            Claim("", ClaimKind.EXCEEDS, "latency_p99_s", arms=("tuned", "v1.2"), margin=Margin(0.002, relative=False)),
        ),
        (
            "latency_p99_s has a threshold in load.clients near 3.5",
            Claim("", ClaimKind.THRESHOLD, metric="latency_p99_s", factor="load.clients", near=3.5),
        ),
        (
            "latency_p99_s has a threshold in target.settings.m",
            Claim("", ClaimKind.THRESHOLD, metric="latency_p99_s", factor="target.settings.m"),
        ),
        ("latency_p99_s < 20 ms", Claim("", ClaimKind.BELOW, metric="latency_p99_s", limit=0.02)),
        (
            "tuned and v1.2 cross in load.clients",
            Claim("", ClaimKind.CROSS, "throughput_per_s", factor="load.clients", arms=("tuned", "v1.2")),
        ),
        (
            "tuned.latency_p99_s and v1.2.latency_p99_s cross in load.clients",
            Claim("", ClaimKind.CROSS, "latency_p99_s", factor="load.clients", arms=("tuned", "v1.2")),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_form_is_read(claims, line, claim):
    """Metric, factor, arms, margin, place and limit arrive; a text without a unit is in the metric's own."""
    (made,) = claims(line)
    assert made.text == " ".join(line.split())
    assert {name: getattr(made, name) for name in Claim.__slots__ if name not in ("text", "when")} == {
        name: getattr(claim, name) for name in Claim.__slots__ if name not in ("text", "when")
    }


def test_a_limit_may_hold_where_a_rule_does(claims):
    """The rule is parsed, and may name factors and variants."""
    (made,) = claims("latency_p99_s < 0.02 when load.clients <= 2 and variant == 'tuned'")
    assert made.kind is ClaimKind.BELOW
    assert made.when is not None
    assert made.when.holds({"load.clients": 2, "variant": "tuned"})
    assert not made.when.holds({"load.clients": 4, "variant": "tuned"})


def test_what_is_drawn_or_added_by_hand_may_be_claimed(claims):
    """A factor whose levels are drawn may have any value in its range, and a condition by hand any at all."""
    near, rule = claims("latency_p99_s has a threshold in load.rate near 4.2", "latency_p99_s < 3 when load.rate > 8.5")
    assert (near.near, str(rule.when.text)) == (4.2, "load.rate > 8.5")
    by_hand = {"load.clients": 64, "load.mode": "open", "load.rate": 2, "variant": "v1.2"}
    (made,) = claims("latency_p99_s < 3 when load.clients == 64", include=[by_hand], design={"kind": "random", "n": 4})
    assert made.when is not None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("latency grows", "claim 'latency grows' is not understood (M increases with F; "),
        ("latency_p99_s increase with load.clients", "is not understood (did you mean 'increases'?)"),
        ("latency_p99_s > 3", "'latency_p99_s' names no arm and metric (write tuned.latency_p99_s)"),
        ("latency_p99 increases with load.clients", "unknown metric 'latency_p99' (did you mean 'latency_p99_s'?)"),
        ("latency_p99_s increases with load.client", "unknown factor 'load.client' (did you mean 'load.clients'?)"),
        ("latency_p99_s increases with load.mode", "the levels of load.mode are no numbers, so they have no order"),
        ("latency_p99_s increases with variant", "unknown factor 'variant'"),
        ("tund.latency_p99_s > plain.latency_p99_s", "unknown variant 'tund' (did you mean 'tuned'?)"),
        ("tuned.latency_p99 > plain.latency_p99_s", "unknown metric 'latency_p99' (did you mean 'latency_p99_s'?)"),
        ("tuned.latency_p99_s > plain.throughput_per_s", "latency_p99_s of one arm is compared with throughput_per_s"),
        ("tuned.latency_p99_s > tuned.latency_p99_s", "tuned is compared with itself (variants: tuned, plain)"),
        ("tuned.latency_p99_s > plain.latency_p99_s by some", "'some' is no number (by 5%, or by a number"),
        ("tuned.latency_p99_s > plain.latency_p99_s by -1", "'-1' is negative"),
        ("tuned.latency_p99_s > plain.latency_p99_s by 1MB", "'1MB' is not in 's', the unit here"),
        ("tuned.latency_p99_s < plain.latency_p99_s", "the larger side stands first (write plain.latency_p99_s > "),
        ("latency_p99_s < 3 when client == 1", "'client' is not a factor (did you mean 'load.clients'?)"),
        ("latency_p99_s < 3 when load.clients >", "rule 'load.clients >' is not understood"),
        ("latency_p99_s < 3x", "'3x' is not in 's', the unit here"),
        ("latency_p99_s has a threshold in load.clients near four", "'four' is no number"),
        ("latency_p99_s has a threshold in load.clients near 5", "5 lies outside load.clients, which goes from 1 to 4"),
        ("latency_p99_s has a threshold in load.clients near 0.9", "0.9 lies outside load.clients"),
        ("latency_p99_s < 3 when load.clients > 100", "no condition meets 'load.clients > 100'"),
        (
            "latency_p99_s < 3 when variant == 'plain' and target.settings.m > 1",
            "no condition meets \"variant == 'plain' and target.settings.m > 1\"",
        ),
        ("latency_p99_s < 3 when load.mode > 3", "rule 'load.mode > 3' makes no sense for load.mode='closed'"),
        ("tuned and plan cross in load.clients", "'tuned' names no arm and metric"),
        ("tuned and plain cross in target.settings.m", "variant 'plain' has no factor 'target.settings.m'"),
    ],
)
def test_mistakes_are_one_line_with_their_place(refusal, line, says):
    """File, line, path, what is wrong, and the nearest thing that exists."""
    said = refusal(f"{HEAD}  - latency_p99_s is flat with load.clients\n  - {line}\n")
    assert said.startswith("FILE:9: expect.1: ")
    assert says in said


def test_what_a_claim_needs_must_be_there(document):
    """Arms need variants, a crossing a metric with a direction, and no claim stands twice."""
    factors = {"load.clients": [1, 2]}
    with pytest.raises(SpecError, match="the study has no variants"):
        document(factors=factors, expect=["a.latency_p99_s > b.latency_p99_s"])
    with pytest.raises(SpecError, match="no metric has a direction, so say in which the arms cross"):
        document(
            factors=factors,
            variants=ARMS,
            metrics={"latency_p99_s": "none"},
            expect=["tuned and v1.2 cross in load.clients"],
        )
    with pytest.raises(SpecError, match="is claimed twice"):
        document(factors=factors, expect=["latency_p99_s < 1", "latency_p99_s  < 1"])
    with pytest.raises(SpecError, match=r"unknown factor 'x' .the study has no factors"):
        document(expect=["latency_p99_s increases with x"])


def test_an_undeclared_metric_is_to_be_declared(pair):
    """Where nobody says what is measured, the claim says how to."""
    with pytest.raises(SpecError, match=r"unknown metric 'loss' .declare it: metrics: .loss: maximize"):
        pair(factors={"low": [1, 2]}, expect=["loss increases with low"])
    assert pair(factors={"low": [1, 2]}, metrics=["loss"], expect=["loss increases with low"]).expect
