"""What a plug-in sees: Protocols only. Of ours, a plug-in imports these, `model`, `stats` and `errors`."""
