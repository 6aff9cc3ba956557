# An answer that is data.
# %% answer kernel depth words nothing
kernel = [[0, 1], [1, 0]]
depth = 3
words = ("a", None, 2.5, 1j, b"x", {1}, range(3))
nothing = None
# %% test
assert kernel == [[0, 1], [1, 0]] and depth == 3 and nothing is None
# %% test
assert words == ("a", None, 2.5, 1j, b"x", {1}, range(3))
# %% test
kernel[0][0] = 5
assert kernel[0][0] == 5
# %% test
assert kernel[0][0] == 5 or kernel[0][0] == 0
