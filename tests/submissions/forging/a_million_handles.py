# Returns a million objects that cannot cross, each to be spoken of; and functions with many parameters.
# %% scale
def scale(values, factor):
    return [object() for _ in range(1_000_000)]
# %% mlp_parameters
many = eval(f"lambda {', '.join(f'p{n}=0' for n in range(3000))}: 0")


def mlp_parameters(sizes):
    return [many] * 50
