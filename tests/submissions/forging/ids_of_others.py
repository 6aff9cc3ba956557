# Gives an answer the id of a test, and a test the id of an answer, twice each.
# %% scale
scale = None
# %% notebook
import copy


def change(notebook):
    ids = {c.metadata["nbgrader"]["grade_id"]: c for c in notebook.cells if "nbgrader" in c.metadata}
    answer, test = ids["scale"], ids["scale_check"]
    answer.metadata["nbgrader"]["grade_id"], test.metadata["nbgrader"]["grade_id"] = "scale_check", "scale"
    for cell in (answer, test):
        twin = copy.deepcopy(cell)
        twin.id += "-2"
        notebook.cells.append(twin)
