"""Five patterns of a sweep: a threshold, interactions, robustness, replication, and going on after an interruption."""

from subjects import minds

from fairtrial import Study

RATES = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
METRICS = {"crash_rate": "minimize", "cycles": "none"}


def study(name: str, factors: dict, replicates: int = 5, **more) -> Study:
    """Declare a study of the subject; replicate k has the same seed in every condition."""
    return Study(study=name, system=minds, factors=factors, replicates=replicates, metrics=METRICS, **more)


def threshold() -> None:
    """Where does the crash rate jump? The claims say what is expected before anything is measured."""
    claims = ["crash_rate has a threshold in corruption near 0.45", "cycles is flat with corruption"]
    run = study("thresholds", {"corruption": RATES}, expect=claims).run()
    print(run.threshold("crash_rate", "corruption").answer)
    for claim in run.claims():
        print(f"{claim.claim}: {claim.verdict}")
    print(run.table("corruption", ["crash_rate"]).select("corruption", "crash_rate_mean", "crash_rate_n"))
    print(run.mentions("trust", factor="corruption").answer)
    print(len(run.report("reports").splitlines()), "lines of report, with plots and data in reports/")


def interactions() -> None:
    """Which factors act, and which pairs act together?"""
    factors = {"corruption": [0.2, 0.5, 0.8], "ram_gb": [2.0, 4.0, 8.0], "report_every": [2, 5]}
    for effect in study("interactions", factors).run().effects().effects:
        print(f"{effect.verdict}: {' and '.join(effect.factors)} (p = {effect.p_adjusted:.2g})")


def robustness() -> None:
    """Where does it crash least, and does it matter how many threads it has?"""
    run = study("robustness", {"ram_gb": [1.0, 2.0, 4.0, 8.0], "threads": [2, 4]}, base={"corruption": 0.2}).run()
    print(run.optimum().answer)
    print("without effect:", run.effects().inert)


def replication() -> None:
    """One run proves nothing: five replicates, then ten of the same study; only the new ones are measured."""
    claims = ["crash_rate increases with corruption"]
    for replicates in (1, 5, 10):
        run = study("replication", {"corruption": [0.2, 0.8]}, replicates, expect=claims).run()
        print(f"run {run.number}, {replicates} replicates: {run.claims()[0].verdict}")


def resume() -> None:
    """Stop after ten trials; the same study again does the rest, under the same number."""
    print("stopped:", len(study("resume", {"corruption": RATES}).run(limit=10).records()))
    print("continued:", len(study("resume", {"corruption": RATES}).run().records()))


if __name__ == "__main__":
    for pattern in (threshold, interactions, robustness, replication, resume):
        print(f"\n== {pattern.__name__}: {pattern.__doc__}")
        pattern()
