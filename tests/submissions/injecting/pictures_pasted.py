# Attachments that are no pictures, under the names of pictures.
# %% written_why
![a](attachment:a.png) ![b](attachment:b.png) ![c](attachment:c.png) ![d](attachment:d.png) ![e](attachment:missing.png)
# %% notebook
def change(notebook):
    (cell,) = (c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == "written_why")
    cell.attachments = {
        "a.png": {"image/svg+xml": "PHN2ZyBvbmxvYWQ9IndpbmRvdy5oaXQgPSAxIj48L3N2Zz4="},
        "b.png": {"image/png\" onerror=\"window.hit = 2": "AAAA"},
        "c.png": {"image/png": "\" onerror=\"window.hit = 3"},
        "d.png": {"text/html": "<script>window.hit = 4</script>"},
    }
