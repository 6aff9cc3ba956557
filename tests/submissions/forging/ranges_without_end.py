# Ranges and texts that are small on the wire and huge in whoever looks at them.
# %% scale
def scale(values, factor):
    return range(10**12)
# %% tally
def tally(words):
    return {"x": range(10**15), "y": slice(0, 10**18)}
# %% mlp_parameters
def mlp_parameters(sizes):
    return 10**11_000
