"""The driver's loop: pull trials, fill the engine, record what happened, then act on what is durable."""
