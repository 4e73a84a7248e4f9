"""Ours beside diffusers' DreamBooth script and sd-scripts, on this machine, in one run: `python -m tests.peers`."""
