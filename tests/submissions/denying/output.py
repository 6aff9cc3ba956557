# 200 MB of output in a cell, and in an answer. Ends as: graded.
# %% scale, right
for _ in range(200):
    print("x" * 1_000_000)

def scale(values, factor):
    for _ in range(50):
        print("y" * 1_000_000)
    return factor * np.asarray(values)
