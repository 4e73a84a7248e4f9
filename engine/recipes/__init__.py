"""Recipes: everything that decides a training, as one frozen record, as presets, as a TOML file, as a page. No torch.

recipe      the record and what its values may be
keys        what each value is called in a file: the words kohya's users know
options     the optimizers' own options
presets     quick, balanced, thorough for every family and subject
file        reading a file (all mistakes at once, each with the nearest right word) and writing one
page        docs/recipes.md, made from the above
"""
