-- The book, version 1. Times are unix seconds; digests are raw bytes; JSON is stored as TEXT and read back once.

CREATE TABLE book (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  id TEXT NOT NULL,
  created REAL NOT NULL,
  actions INTEGER NOT NULL DEFAULT 0,  -- length of the action log, so that a cut-off end is noticed
  head BLOB NOT NULL                   -- digest of its last row
) STRICT;

CREATE TABLE study (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE system (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  identity TEXT                        -- JSON: part -> value
) STRICT;

CREATE TABLE inputs (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  names TEXT                           -- JSON: input name -> digest
) STRICT;

CREATE TABLE metric_set (
  id INTEGER PRIMARY KEY,
  names TEXT NOT NULL UNIQUE           -- JSON list: the order of the float64 values in a blob of metrics
) STRICT;

CREATE TABLE run (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  study INTEGER NOT NULL REFERENCES study,
  system INTEGER NOT NULL REFERENCES system,
  live INTEGER NOT NULL,
  state TEXT NOT NULL,
  created REAL NOT NULL,
  updated REAL NOT NULL,
  durability TEXT NOT NULL,
  metrics TEXT NOT NULL,               -- JSON list: declared names
  tags TEXT NOT NULL,
  planned INTEGER,
  members INTEGER NOT NULL DEFAULT 0,  -- counters, kept in the transaction that changes what they count
  done INTEGER NOT NULL DEFAULT 0,     -- settled, not failed, not retired
  failed INTEGER NOT NULL DEFAULT 0,   -- settled as failed, not retired
  reused INTEGER NOT NULL DEFAULT 0,   -- of those, measured by another run
  retired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX run_of_study ON run (study, number);

CREATE TABLE spec_version (
  run INTEGER NOT NULL REFERENCES run,
  version INTEGER NOT NULL,
  at REAL NOT NULL,
  document TEXT NOT NULL,
  PRIMARY KEY (run, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE driver (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run INTEGER NOT NULL REFERENCES run,
  pid INTEGER NOT NULL,
  pid_started REAL NOT NULL,           -- seconds since boot, so that a clock that jumps changes nothing
  boot_id TEXT NOT NULL,
  host TEXT NOT NULL,
  state TEXT NOT NULL,                 -- open | closed | lost
  opened REAL NOT NULL,
  closed REAL,
  provenance TEXT NOT NULL
) STRICT;
CREATE INDEX driver_of_run ON driver (run);

CREATE TABLE condition (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,            -- of the three columns below: two arms may resolve to the same parameters
  digest BLOB NOT NULL,                -- of the parameters that enter identity
  variant TEXT NOT NULL,
  assignment TEXT NOT NULL,
  parameters TEXT NOT NULL
) STRICT;

CREATE TABLE trial (
  id INTEGER PRIMARY KEY,
  digest BLOB NOT NULL UNIQUE,
  system INTEGER NOT NULL REFERENCES system,
  parameters BLOB NOT NULL,
  inputs INTEGER NOT NULL REFERENCES inputs,
  seed INTEGER NOT NULL,               -- the unsigned 64 bits read as signed
  point BLOB NOT NULL                  -- of parameters and seed: what stays when the system or an input changes
) STRICT;
CREATE INDEX trial_point ON trial (point);

-- An attempt's id is its driver's id << 32 | n: ids grow with time within a run, and name their fencing epoch.
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  trial INTEGER NOT NULL REFERENCES trial,
  role TEXT NOT NULL,
  status TEXT NOT NULL,
  started REAL NOT NULL,
  ended REAL,
  pid INTEGER NOT NULL,
  pid_started REAL NOT NULL,
  batch INTEGER NOT NULL DEFAULT 1,
  wall_s REAL NOT NULL DEFAULT 0,
  cpu_s REAL NOT NULL DEFAULT 0,
  peak_bytes INTEGER NOT NULL DEFAULT 0,
  spin_before_s REAL,
  spin_after_s REAL,
  metric_set INTEGER REFERENCES metric_set,
  metrics BLOB,                        -- float64, little-endian; NaN means undefined
  cautions TEXT,
  stdout_slot TEXT,                    -- while it runs: the files that it is writing
  stderr_slot TEXT
) STRICT;
CREATE INDEX attempt_of_trial ON attempt (trial);

CREATE TABLE member (
  run INTEGER NOT NULL REFERENCES run,
  number INTEGER NOT NULL,
  trial INTEGER NOT NULL REFERENCES trial,
  condition INTEGER NOT NULL REFERENCES condition,
  replicate INTEGER NOT NULL,
  status TEXT,                         -- done | failed | pruned; NULL: not settled
  attempt INTEGER REFERENCES attempt,
  reused_from INTEGER REFERENCES run,
  retired INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX member_of_trial ON member (trial, run);

CREATE TABLE failure (
  attempt INTEGER PRIMARY KEY REFERENCES attempt,
  kind TEXT NOT NULL,
  message TEXT NOT NULL,
  detail TEXT NOT NULL,
  exit_code INTEGER,
  signal INTEGER,
  limiter TEXT NOT NULL,
  overshoot_bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE output (
  attempt INTEGER PRIMARY KEY REFERENCES attempt,
  stdout BLOB,                         -- the bytes, by zlib where a bit of `packed` says so (1: stdout, 2: stderr)
  stderr BLOB,
  packed INTEGER NOT NULL DEFAULT 0,
  stdout_file BLOB,                    -- else the digest of the artifact
  stderr_file BLOB
) STRICT;

CREATE TABLE artifact (
  attempt INTEGER NOT NULL REFERENCES attempt,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  digest BLOB NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (attempt, kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE step (
  attempt INTEGER NOT NULL REFERENCES attempt,
  step INTEGER NOT NULL,
  at REAL NOT NULL,
  metric_set INTEGER NOT NULL REFERENCES metric_set,
  metrics BLOB NOT NULL,
  PRIMARY KEY (attempt, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE action (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  who TEXT NOT NULL,
  verb TEXT NOT NULL,
  why TEXT NOT NULL,
  command TEXT NOT NULL,
  run INTEGER,
  detail TEXT NOT NULL,
  previous BLOB NOT NULL,
  digest BLOB NOT NULL                 -- of the row and `previous`: the log is a chain
) STRICT;
