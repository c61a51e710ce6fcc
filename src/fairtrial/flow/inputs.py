"""A study's inputs: files, and tables of earlier runs, each with the digest that enters identity."""

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
    """Digest every input; a run's table by the trials that made it and the digests of their files."""
    digests: dict[str, str] = {}
    paths: dict[str, str] = {}
    for name, source in study.inputs.items():
        if "file" in source:
            path = _there(study, name)
            paths[name], digests[name] = str(path), _digest_file(path)
        else:
            digests[name] = digest([[row.digest.hex(), path.name] for row, path in _parts(study, name, ledger)]).hex()
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
                _write_table(ledger, source, path)
            paths[name] = str(path)
    return Inputs(digests=found.digests, paths=paths)


def _write_table(ledger: Ledger, source: Mapping[str, Any], path: Path) -> None:
    from fairtrial.track.export import write_table

    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(ledger, int(source["run"]), str(source["table"]), path)


def _parts(study: Study, name: str, ledger: Ledger | None) -> list[tuple[Any, Path]]:
    source = study.inputs[name]
    if ledger is None:
        raise UserError(f"input {name!r} names run {source['run']}, and there is no book yet")
    parts = [(row, path) for row, _, path in ledger.tables(int(source["run"]), str(source["table"]))]
    if not parts:
        raise SpecError(
            f"run {source['run']} has no table {source['table']!r}",
            file=study.file,
            line=study.lines.get(f"inputs.{name}"),
            path=f"inputs.{name}",
            hint=f"fairtrial show {source['run']} lists its tables",
        )
    return parts


def _digest_file(path: Path) -> str:
    hasher = blake2b(digest_size=DIGEST_BYTES)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            hasher.update(chunk)
    return hasher.hexdigest()
