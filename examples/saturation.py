"""How many clients can a server take, and where does it stop serving more?"""

from subjects import server

from fairtrial import Study

LEVELS = [1, 2, 4, 8, 16, 32]


def main() -> None:
    """The knee and the plateau, the range that keeps a service level, and the same of a range without a knee."""
    words = {
        "system": server,
        "replicates": 5,
        "metrics": {"throughput_per_s": "maximize", "latency_s": {"direction": "minimize", "unit": "s"}},
        "slo": {"latency_s": {"max": 0.025}},
    }
    run = Study(study="server", factors={"clients": LEVELS}, **words).run()
    curve, levels = run.saturation("throughput_per_s", response="latency_s")
    print(curve.answer)
    print(f"the plateau is {curve.capacity:.0f} requests a second; a closed loop's knee is {curve.asymptotic_knee:.1f}")
    print(levels.answer)
    for level in levels.levels:
        print(f"  {level.level:>2} clients: {'safe' if level.safe else 'not safe: ' + ', '.join(level.failing)}")

    short = Study(study="short", factors={"clients": [1, 2, 3, 4, 5, 6]}, **words).run()
    curve, levels = short.saturation("throughput_per_s")
    print(f"up to 6 clients a knee is {curve.verdict}: {curve.answer}")
    print(levels.answer)


if __name__ == "__main__":
    main()
