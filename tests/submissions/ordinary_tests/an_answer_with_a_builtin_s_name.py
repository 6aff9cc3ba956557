# An answer with a builtin's name.
# %% answer round
def round(x):
    return "mine"


# %% test
assert round(2.4) == "mine"
# %% test
assert round(2.4) == 2
