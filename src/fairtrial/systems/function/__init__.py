"""A Python function as a system: `{python: "pkg.module:function"}`."""
