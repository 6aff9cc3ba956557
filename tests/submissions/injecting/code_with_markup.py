# Markup in code, in its errors, and in what a check says about it.
# %% scale
def scale(values, factor):
    "</pre></div><script>window.hit = 1</script>"
    return {"<script>window.hit = 2</script>": "<img src=x onerror='window.hit = 3'>"}
# %% mlp_parameters
def mlp_parameters(sizes, *, </script><script>window.hit=4</script>):
    pass
# %% tally
def tally(words):
    return "<script>window.hit = 5</script>"
# %% slope
def slope(f, x):
    exec(compile("raise ValueError('x')", "</pre><script>window.hit = 6</script>", "exec"))
