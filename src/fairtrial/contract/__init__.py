"""What a plug-in sees: Protocols only. A plug-in imports these, `model`, `stats` and `errors`, and nothing else of ours."""
