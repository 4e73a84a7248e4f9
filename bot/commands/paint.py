def paint() -> None:
    """Paint."""
