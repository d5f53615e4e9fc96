"""A mark on every code cell of a chapter, so that any page can link to the cell that proves what it says.

`[text](../chapters/02_one_by_one.ipynb#cell-same-measured)` leads to the cell with the id `same-measured`; a
link to a cell that is not there is a warning, like any other broken link.
"""

import json
from pathlib import Path

from docutils import nodes

PREFIX = "cell-"


def mark(app, doctree):
    """Sphinx's hook: give the container of each code cell its id, and tell MyST of it."""
    source = Path(app.env.doc2path(app.env.docname))
    if source.suffix != ".ipynb":
        return
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for container in doctree.findall(nodes.container):
        if container.get("nb_element") == "cell_code":
            name = PREFIX + cells[container["cell_index"]]["id"]
            container["ids"].append(name)
            slugs[name] = (container.line or 0, name, name)


def setup(app):
    app.connect("doctree-read", mark)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True}
