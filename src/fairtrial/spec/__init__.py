"""YAML, command line or Python -> Study: the only reader of study files."""
