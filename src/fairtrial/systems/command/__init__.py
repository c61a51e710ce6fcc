"""A program as a system: `{command: [...]}`."""
