# It prints much, while it is defined and when it is called.
# %% scale, right
for number in range(20_000):
    print("a line to see how far it is", number)

def scale(values, factor):
    for number in range(20_000):
        print("a line to see how far it is", number)
    return factor * np.asarray(values)
