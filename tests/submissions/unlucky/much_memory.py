# An array of 300 MB, and others that come and go, within the limits.
# %% scale, right
def scale(values, factor):
    for _ in range(3):
        much = np.ones(37_500_000)
    return factor * np.asarray(values) + 0 * much[0]
