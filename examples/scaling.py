"""Labels from a crowd or from experts: how does the error fall, where do they cross, what does a budget buy?"""

from subjects import labels

from fairtrial import Study


def main() -> None:
    """Fit a law to each source, find the crossing, and buy: a crowd's label costs 0.01, an expert's 0.50."""
    run = Study(
        study="labels",
        system=labels,
        variants={"crowd": {"set": {"source": "crowd"}}, "experts": {"set": {"source": "experts"}}},
        factors={"n": [20, 40, 80, 160, 320, 640, 1280]},
        replicates=5,
        metrics={"error": "minimize"},
        prices={"crowd": 0.01, "experts": 0.50},
        expect=["crowd and experts cross in n", "error decreases with n"],
    ).run()

    for law in run.scaling():
        print(law.answer)
        print(f"  {law.chosen}; the largest sizes were predicted within {law.extrapolation_error:.1%}")
    crossing = run.crossover()
    print(crossing.answer)
    for item in crossing.exchange:
        worth = "more than was measured" if item.second is None else f"{item.second:.0f}"
        print(f"  {item.first:5.0f} labels of the crowd are worth {worth} of experts")
    for buy in crossing.purchases:
        print(f"  for {buy.cost:7.2f}: {buy.amount:5.0f} of {buy.arm} (better in {buy.probability:.0%} of draws)")
    for claim in run.claims():
        print(f"{claim.claim}: {claim.verdict}")


if __name__ == "__main__":
    main()
