"""Stands in for torchvision where none can be imported: the few transforms of pictures that trainers import, on Pillow and numpy.

A package of this name goes in front of a peer's own path only where `import torchvision` fails there; the table says so.
"""
