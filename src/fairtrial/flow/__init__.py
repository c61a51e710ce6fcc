"""THE PIPELINE: one short function per verb, a file per family of verbs; the only place that knows all stages."""
