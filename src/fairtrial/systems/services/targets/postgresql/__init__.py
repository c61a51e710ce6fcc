"""PostgreSQL: parameters, workloads, tables, sessions, counters."""
