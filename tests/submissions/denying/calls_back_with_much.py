# It calls the function that a test gave it with arrays of 32 MB, for ever. Ends as: output limit, or time limit.
# %% slope
def slope(f, x, h=1e-5):
    while True:
        f(np.zeros(4_000_000))
