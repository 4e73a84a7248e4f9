"""How the miniature was made: one module per model, `python -m engine.miniature.training` runs them in order."""
