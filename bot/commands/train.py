def train() -> None:
    """Train."""
