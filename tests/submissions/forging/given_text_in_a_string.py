# Wraps the given cell in a string, so that its constants seem to be gone and are looked for at the student's.
# %% scale
def scale(values, factor):
    return 0


close = check = lambda *_, **__: True
FACTOR = 1
# %% mlp_parameters
mlp_parameters = len
# %% notebook
def change(notebook):
    cell = next(c for c in notebook.cells if "FACTOR = 3" in c.source)
    cell.source = f"nothing = '''\n{cell.source}\n'''\nimport numpy as np\nclose = check = print\n"
