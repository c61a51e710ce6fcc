"""A study's inputs: files, and trials or tables of earlier runs, each with the digest that enters identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from fairtrial.contract.journal import Ledger
from fairtrial.errors import SpecError, UserError
from fairtrial.model.identity import DIGEST_BYTES, digest
from fairtrial.model.study import Study


@dataclass(frozen=True, slots=True)
class Inputs:
    """Resolved inputs: `paths` is empty for run tables until `materialise` wrote them."""

    digests: Mapping[str, str] = field(default_factory=dict)
    """Input name -> hexadecimal digest of its content."""
    paths: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """Return the one digest that enters a trial's identity; empty without inputs."""
        return digest(dict(self.digests)) if self.digests else b""


def resolve(study: Study, ledger: Ledger | None) -> Inputs:
    """Digest every input; a run's table by the trials that made it and the digests of their files.

    Raises SpecError for a file or table that is not there, UserError for a run that is not there or not finished.
    """
    digests: dict[str, str] = {}
    paths: dict[str, str] = {}
    for name, source in study.inputs.items():
        if "file" in source:
            path = _there(study, name)
            paths[name], digests[name] = str(path), _digest_file(path)
        else:
            digests[name] = _digest_run(study, name, ledger)
    return Inputs(digests=digests, paths=paths)


def check_files(study: Study) -> None:
    """Refuse an input file that is not there; tables of runs are the book's to know. Raises SpecError."""
    for name, source in study.inputs.items():
        if "file" in source:
            _there(study, name)


def _there(study: Study, name: str) -> Path:
    path = (Path(study.system.folder) / str(study.inputs[name]["file"])).resolve()
    if not path.is_file():
        line = study.lines.get(f"inputs.{name}")
        raise SpecError(f"{path} does not exist", file=study.file, line=line, path=f"inputs.{name}")
    return path


def materialise(study: Study, ledger: Ledger, folder: Path) -> Inputs:
    """Resolve, and write the tables of earlier runs as one Parquet file each (`<digest>.parquet`) below the folder."""
    found = resolve(study, ledger)
    paths = dict(found.paths)
    for name, source in study.inputs.items():
        if "file" not in source:
            path = folder / f"{found.digests[name]}.parquet"
            if not path.exists():
                _write(ledger, _number(study, name, ledger), source.get("table"), path)
            paths[name] = str(path)
    return Inputs(digests=found.digests, paths=paths)


def _write(ledger: Ledger, run: int, table: Any, path: Path) -> None:
    from fairtrial.track.export import write_table, write_trials

    path.parent.mkdir(parents=True, exist_ok=True)
    if table is None:
        write_trials(ledger, run, path)
    else:
        write_table(ledger, run, str(table), path)


def _number(study: Study, name: str, ledger: Ledger | None) -> int:
    """Return the number of the run that an input names, by itself or as the newest one of a study."""
    source = study.inputs[name]
    wanted = f"run {source['run']}" if "run" in source else f"study {source['study']!r}"
    if ledger is None:
        raise UserError(f"input {name!r} names {wanted}, and there is no book yet")
    if "run" in source:
        return int(source["run"])
    run = ledger.run(study=str(source["study"]))
    if run.state != "finished":
        left = f"{run.settled} of {'?' if run.planned is None else run.planned} trials"
        why = f"input {name!r}: run {run.number} of {wanted} is not finished ({run.state}, {left})"
        raise UserError(why, hint="run it to its end, or name a run: inputs: {" + name + ": {run: N}}")
    return run.number


def _digest_run(study: Study, name: str, ledger: Ledger | None) -> str:
    number, table = _number(study, name, ledger), study.inputs[name].get("table")
    if ledger is None:
        raise AssertionError("a run has a book")
    if table is None:
        return _digest_trials(ledger, number)
    parts = [(row, path) for row, _, path in ledger.tables(number, str(table))]
    if not parts:
        raise SpecError(
            f"run {number} has no table {table!r}",
            file=study.file,
            line=study.lines.get(f"inputs.{name}"),
            path=f"inputs.{name}",
            hint=f"fairtrial show {number} lists its tables; without `table` the input is its trials and metrics",
        )
    return digest([[row.digest.hex(), path.name] for row, path in parts]).hex()


def _digest_trials(ledger: Ledger, run: int) -> str:
    """Digest what the trials of a run were and came to: measured again, a live system's come to something else."""
    import numpy as np

    measured = ledger.measurements(run)
    if not len(measured):
        raise UserError(f"run {run} has no settled trials to be an input")
    hasher = blake2b(digest_size=DIGEST_BYTES)
    for row in ledger.trials(run):
        hasher.update(row.digest)
    hasher.update("".join(measured.status).encode())
    for metric in sorted(measured.metrics):
        hasher.update(metric.encode() + np.asarray(measured.metrics[metric], np.float64).tobytes())
    return hasher.hexdigest()


def _digest_file(path: Path) -> str:
    hasher = blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()
