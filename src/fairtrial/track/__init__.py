"""Book -> other tools: Parquet, CSV, JSON, data frames."""
