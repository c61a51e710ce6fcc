"""`init`: a study and a system to start from."""

from __future__ import annotations

from pathlib import Path

from fairtrial.errors import UserError

STUDY = """\
study: {name}
question: Which learning rate and depth give the lowest loss?
system: {{python: "model:train"}}
factors:
  lr: {{logspace: [1e-4, 1e-1], n: 4}}      # end points, four levels
  depth: [2, 4, 8]
replicates: 3                             # replicate k has the same seed in every condition
metrics: {{loss: minimize}}
"""

MODEL = '''\
"""The system under study: typed keyword arguments are its parameters, the returned numbers its metrics."""

import math
import random


def train(lr: float, depth: int = 4, *, seed: int) -> dict[str, float]:
    """Replace this by what you want to study."""
    noise = random.Random(seed).gauss(0, 0.02)
    return {"loss": (math.log10(lr) + 2.5) ** 2 + 0.3 / depth + noise}
'''


def begin(folder: Path) -> list[Path]:
    """Write `study.yaml` and `model.py` into a folder; overwrites nothing."""
    files = {folder / "study.yaml": STUDY.format(name=_name(folder)), folder / "model.py": MODEL}
    for path in files:
        if folder.is_dir() and path.exists():
            raise UserError(f"{path} exists already", hint="fairtrial init FOLDER writes into another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{folder} is no folder", hint="fairtrial init FOLDER") from None
    for path, text in files.items():
        path.write_text(text)
    return list(files)


def _name(folder: Path) -> str:
    return "".join(char if char.isalnum() or char in "-_" else "-" for char in folder.resolve().name) or "study"
