# Returns generators, coroutines and functions instead of values.
# %% scale
def scale(values, factor):
    yield from (0 for _ in values)
# %% tally
async def tally(words):
    return {"a": 2, "b": 1}
# %% slope
def slope(f, x):
    return lambda *_: slope
# %% mlp_parameters
def mlp_parameters(sizes):
    return mlp_parameters
