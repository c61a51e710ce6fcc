"""Seeding: global generators follow the trial's seed, whether they are loaded or come later."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np

from fairtrial.execute.trial.seeding import Seeds


def test_loaded_generators_are_seeded_and_given_back():
    """The user's own state is there again after `restore`."""
    random.seed(1)
    np.random.seed(1)
    before = random.random(), np.random.random()
    random.seed(1)
    np.random.seed(1)
    seeds = Seeds()
    seeds.keep()
    seeds.plant(2**62 + 5)
    drawn = random.random(), np.random.random()
    seeds.restore()
    assert (random.random(), np.random.random()) == before
    random.seed(2**62 + 5)
    np.random.seed((2**62 + 5) % 2**32)
    assert drawn == (random.random(), np.random.random())


def test_generators_that_come_later_are_seeded_too():
    """Nothing is imported for seeding; whoever imports a generator finds it seeded, with its own loader."""
    code = (
        "import sys; from fairtrial.execute.trial.seeding import Seeds; Seeds().plant(77)\n"
        "assert 'random' not in sys.modules and 'numpy' not in sys.modules\n"
        "import numpy.random, random\n"
        "assert type(random.__spec__.loader).__name__ == 'SourceFileLoader'\n"
        "print(random.random(), numpy.random.random())"
    )
    said = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True).stdout
    generator = np.random.RandomState(77)
    assert [float(word) for word in said.split()] == [random.Random(77).random(), generator.random_sample()]
