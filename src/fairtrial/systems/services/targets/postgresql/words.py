"""The parameters of the target `postgres`, and the workload that they ask for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fairtrial.model.secret import Secret
from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.targets.postgresql import keys, sql

Operation = Literal["select", "insert", "update", "transaction"]
SHAPE = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"


class Range(Words):
    """From where a parameter of own SQL is drawn: whole numbers, both ends included."""

    low: int = Field(default=1, ge=-(2**62), le=2**62, description="Least value.")
    high: int = Field(ge=-(2**62), le=2**62, description="Greatest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.high < self.low:
            raise ValueError(f"high ({self.high}) is below low ({self.low})")
        return self


class Postgres(Words):
    """Parameters of the target `postgres`."""

    kind: Literal["postgres"] = Field(default="postgres", description="PostgreSQL.")
    server: Literal["embedded", "attach"] = Field(
        default="embedded", description="embedded: a fresh cluster, started here; attach: the one at `dsn`."
    )
    dsn: Secret | None = Field(default=None, description=f"Attach: {SHAPE}, from the environment or a file.")
    keep: bool = Field(default=False, description="Attach: leave our schema there, for the next trial.")
    settings: dict[str, bool | int | float | str] = Field(
        default={}, description="Embedded: settings of the server (shared_buffers: 64MB, synchronous_commit: off …)."
    )
    binaries: str | None = Field(
        default=None, description="Embedded: folder of initdb and postgres; default: a wheel's, else those on PATH."
    )
    port: int | None = Field(
        default=None, ge=0, le=65_535, description="Embedded: TCP on this port (0: a free one), not a Unix socket."
    )
    operation: Literal["select", "insert", "update", "transaction", "mix", "seed-mix", "sql"] = Field(
        default="select",
        description="A row by key; a row inserted; one updated; pgbench's TPC-B-like transaction; by weight; inserts, "
        "then selects on their own table; own statements. All that writes is committed.",
    )
    mix: dict[Operation, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = Field(
        default=None, description="Mix: weight of each operation (select: 0.9, update: 0.1)."
    )
    num_inserts: int = Field(default=10_000, ge=1, le=10_000_000, description="seed-mix: inserts of a client in a row.")
    num_selects: int = Field(default=5_000, ge=1, le=10_000_000, description="seed-mix: selects after them, and so on.")
    sql: str | tuple[str, ...] | None = Field(
        default=None,
        description="sql: a statement with $1, $2 …; several: one transaction. Tables: fairtrial.pgbench_accounts …",
    )
    parameters: tuple[Range, ...] = Field(default=(), description="sql: from where $1, $2 … are drawn.")
    scale: int = Field(
        default=1, ge=0, le=10_000, description="pgbench's: 100,000 accounts each; 0: no tables (own SQL on its own)."
    )
    keys: Literal["uniform", "zipf"] = Field(default="uniform", description="Which accounts are asked for.")
    zipf_exponent: float = Field(default=1.1, gt=0, le=10, description="Zipf: probability of rank k is k^-exponent.")
    prepared: bool = Field(default=True, description="Statements are prepared once; else parsed for every request.")
    checkpoint: bool = Field(default=True, description="A checkpoint before every repetition.")
    vacuum: bool = Field(default=True, description="VACUUM (ANALYZE) of our tables before every repetition.")
    prewarm: bool = Field(default=True, description="Tables are read into memory before every repetition.")

    @model_validator(mode="after")
    def _whole(self) -> Postgres:
        for wrong in filter(None, (_misplaced(self), _incomplete(self))):
            raise ValueError(wrong)
        return self

    @property
    def statements(self) -> tuple[str, ...]:
        """Return own SQL as a tuple of statements."""
        return (self.sql,) if isinstance(self.sql, str) else self.sql or ()


def _misplaced(given: Postgres) -> str:
    """Say which parameter would do nothing; '' for none."""
    unset = Postgres.model_fields
    only = {
        ("server", "embedded"): ("settings", "binaries", "port"),
        ("server", "attach"): ("dsn", "keep"),
        ("operation", "mix"): ("mix",),
        ("operation", "seed-mix"): ("num_inserts", "num_selects"),
        ("operation", "sql"): ("sql", "parameters"),
    }
    for (field, value), names in only.items():
        for name in names if getattr(given, field) != value else ():
            if getattr(given, name) != unset[name].default:
                return f"{name} does nothing unless {field} is {value}"
    return ""


def _incomplete(given: Postgres) -> str:
    """Say what is missing or does not fit together; '' for nothing."""
    if given.server == "attach" and given.dsn is None:
        return "server: attach needs dsn: {secret: NAME}, an environment variable that holds " + SHAPE
    if given.operation == "mix" and not sql.mixed(given.mix or {}):
        return "operation: mix needs mix: {select: 0.9, update: 0.1}"
    if given.operation == "sql" and not any(text.strip() for text in given.statements):
        return "operation: sql needs sql: a statement"
    wanted = max((sql.most(text) for text in given.statements), default=0)
    if wanted != len(given.parameters):
        return (
            f"the statements have {wanted} parameters ($1 …), and parameters says how to draw {len(given.parameters)}"
        )
    if given.scale == 0 and given.operation not in ("sql", "seed-mix"):
        return f"operation: {given.operation} needs scale of at least 1"
    return ""


def workload(given: Postgres) -> sql.Workload:
    """Make the workload of these parameters."""
    if given.operation == "seed-mix":
        runs = (given.num_inserts, given.num_selects)
        return sql.Workload(sql.stress(given.num_inserts), runs=runs, prepared=given.prepared)
    if given.operation == "sql":
        ranges = [(drawn.low, drawn.high) for drawn in given.parameters]
        return sql.Workload((sql.own(given.statements, ranges),), prepared=given.prepared)
    rows = given.scale * sql.ACCOUNTS
    draw = keys.uniform(rows) if given.keys == "uniform" else keys.zipf(rows, given.zipf_exponent)
    mix = sql.mixed(given.mix or {}) or ((given.operation, 1.0),)
    made = tuple(sql.bank(name, given.scale, draw) for name, _ in mix)
    return sql.Workload(made, weights=tuple(weight for _, weight in mix), prepared=given.prepared)
