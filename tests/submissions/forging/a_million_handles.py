# Returns a million objects that cannot cross, each to be spoken of.
# %% scale
def scale(values, factor):
    return [object() for _ in range(1_000_000)]
# %% mlp_parameters
functions = [lambda x, y=1, *z, **w: 0 for _ in range(100_000)]


def mlp_parameters(sizes):
    return functions
