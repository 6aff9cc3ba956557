# An answer forks; one child ends as it should, another comes back as if it were its parent.
# %% scale, right
import os

def scale(values, factor):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    other = os.fork()
    if other:
        os.waitpid(other, 0)
    return factor * np.asarray(values)
