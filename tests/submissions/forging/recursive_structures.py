# Lists and dicts that hold themselves, and very deep ones.
# %% scale
def scale(values, factor):
    endless = []
    endless.append(endless)
    return endless
# %% tally
def tally(words):
    table = {}
    table["x"] = table
    return table
# %% mlp_parameters
def mlp_parameters(sizes):
    deep = 0
    for _ in range(100_000):
        deep = [deep]
    return deep
