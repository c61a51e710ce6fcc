"""Search a noisy landscape, then measure the best again on fresh seeds: what is left of its lead?"""

import subprocess

import subjects

from fairtrial import Run, Study


def main() -> None:
    """Choose sixty conditions by TPE. What they say of the best is too good; a second measurement says by how much."""
    run = Study(
        study="peak",
        system={"python": f"{subjects.__file__}:landscape"},  # by its file, so that the command line finds it too
        factors={"x": {"interval": [0, 1]}, "y": {"interval": [0, 1]}, "z": {"interval": [0, 1]}},
        design={"kind": "optuna", "sampler": "tpe", "n": 60},
        replicates=2,
        metrics={"score": "maximize"},
        confirm={"top": 3, "replicates": 10},
    ).run()
    found = run.search()
    print(found.answer)
    for parameter, span in found.ranges.items():
        print(f"  near the best, {parameter} lies in {span.low:.2f} to {span.high:.2f}")

    code = subprocess.run(["fairtrial", "confirm", str(run.number), "--quiet"], check=False).returncode
    print(f"confirm in run {Run().number}: exit {code} (0: the best held, 4: it did not, 5: inconclusive)")
    for item in run.optimum().again:
        print(f"  {item.first.mean:.3f} at first, {item.again.mean:.3f} again: {item.regression:+.3f} too good")


if __name__ == "__main__":
    main()
