-- What was delivered to mirrors elsewhere: what is still to be delivered is the difference to the settled members.
CREATE TABLE destination (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE            -- address without secrets, and experiment
) STRICT;
CREATE TABLE delivery (
  destination INTEGER NOT NULL REFERENCES destination,
  run INTEGER NOT NULL REFERENCES run,
  number INTEGER NOT NULL,             -- of the trial within the run; 0: the run itself
  remote TEXT NOT NULL,                -- its id there
  seal TEXT NOT NULL,                  -- of what was sent: attempt, retired, settings
  at REAL NOT NULL,
  PRIMARY KEY (destination, run, number)
) STRICT, WITHOUT ROWID;
