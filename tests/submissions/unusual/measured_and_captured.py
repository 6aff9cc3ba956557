# Answers in cells with magics that run them all the same.
# %% scale, right
%%time
def scale(values, factor):
    return factor * np.asarray(values)
# %% tally, right
%load_ext autoreload
%autoreload 2
def tally(words):
    if isinstance(words, str):
        raise TypeError
    return {w: words.count(w) for w in words}

%time _ = tally(["a"])
!echo done
tally?
