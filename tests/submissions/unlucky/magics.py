# The magics of Jupyter: time in front of an answer, and others around it.
# %% scale, right
%%time
def scale(values, factor):
    return factor * np.asarray(values)
# %%
%matplotlib inline
%config InlineBackend.figure_format = "retina"
%load_ext autoreload
%autoreload 2
%timeit -n 2 -r 2 scale([1], 2)
%who
%env SOMETHING=1
# %%
%%bash
ls -la
echo from bash
# %%
!ls -la
!nvidia-smi
files = !ls
scale?
# %%
%%capture captured
print("not shown")
# %%
%%html
<b>bold</b>
# %%
%time total = sum(range(1000))
assert total == 499500 and captured.stdout == "not shown\n"
