"""Measures the engine on this machine, beside what others would do on it: `python -m engine.bench`, shown by `likeness bench`."""
