# Recursion without end, after Python's limit was taken away: the stack overflows, or the memory does.
# Ends as: process died, or memory limit, or time limit.
# %% scale
import sys

def scale(values, factor):
    sys.setrecursionlimit(10**9)

    class Deep:
        def __repr__(self):
            return repr(Deep())

    return repr(Deep())
