# 8 GiB in pieces of a megabyte, MemoryError ignored. Ends as: memory limit.
# %% scale
kept = []

def scale(values, factor):
    while len(kept) < 8192:
        try:
            kept.append(bytearray(b"x") * (1 << 20))
        except MemoryError:
            pass
    return factor * np.asarray(values)
