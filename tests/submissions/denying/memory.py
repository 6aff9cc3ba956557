# An array of 8 GiB. Ends as: memory limit.
# %% scale
def scale(values, factor):
    return factor * np.ones(1 << 30)[: len(values)]
