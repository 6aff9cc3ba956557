# A cell between the answers wants 8 GiB; the answers are right. Ends as: memory limit.
# %% scale, right
def scale(values, factor):
    return factor * np.asarray(values)
# %%
much = np.ones(1 << 30)
