# No names at all.
# %% test
assert 1 + 1 == 2
