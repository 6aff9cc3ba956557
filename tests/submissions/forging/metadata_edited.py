# Gives tests other points, turns them into answers, unlocks them, and renames them.
# %% scale
scale = None
# %% notebook
def change(notebook):
    for cell in notebook.cells:
        data = cell.metadata.get("nbgrader", {})
        if data.get("grade"):
            data.update(points=1000, solution=True, locked=False, task=True, cell_type="markdown", checksum="0")
            data["grade_id"] = data["grade_id"].upper() if "scale" in data["grade_id"] else data["grade_id"]
    notebook.metadata["nbgrader"] = {"score": 100}
