# A cell between the answers never ends; the answers before and after it are right. Ends as: time limit.
# %% scale, right
def scale(values, factor):
    return factor * np.asarray(values)
# %%
while True:
    pass
