# It calls the function that a test gave it, for ever. Ends as: time limit.
# %% slope
def slope(f, x, h=1e-5):
    while True:
        f(x)
