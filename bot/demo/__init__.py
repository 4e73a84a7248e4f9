"""The demo: the real bot inside an in-process Discord, playing the story of a birthday present."""
