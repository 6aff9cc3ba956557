# Deletes the tests of one exercise, moves those of another before all answers, and doubles the last ones.
# %% scale
scale = None
# %% tally
tally = None
# %% mlp_parameters
mlp_parameters = None
# %% notebook
import copy


def change(notebook):
    def of(name):
        return [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id", "").startswith(name)]

    for cell in of("scale_"):
        notebook.cells.remove(cell)
    for cell in of("tally_"):
        notebook.cells.remove(cell)
        notebook.cells.insert(0, cell)
    for cell in of("mlp_parameters_"):
        empty = copy.deepcopy(cell)
        empty.source, empty.id = "pass", f"{cell.id}-2"
        notebook.cells += [empty]
