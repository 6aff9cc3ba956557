# Adds scripts to the course's own cells of text, whose first lines stay as they are.
# %% notebook
def change(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata:
            cell.source += "\n\n<script>window.hit = 1</script>\n\n<img src=x onerror='window.hit = 2'>"
            cell.attachments = {"a.png": {"text/html": "<script>window.hit = 3</script>"}}
            cell.source += "\n\n![x](attachment:a.png)"
