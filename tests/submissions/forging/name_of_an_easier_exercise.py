# Gives a wrong function the name of another exercise, and swaps two answers.
# %% mlp_parameters
def mlp_parameters(sizes):
    return 0


mlp_parameters.__name__ = mlp_parameters.__qualname__ = "backprop_add_mul"
# %% tally
tally = scale
