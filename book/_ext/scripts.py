"""Only the scripts that this book uses, each once.

Jupyter Book puts the set-up of thebe on every page, twice, which is an error in the console and the address
of another host; the course does not use thebe.
"""


def keep_needed(app, pagename, templatename, context, doctree):
    """Sphinx's hook: drop thebe and repeated inline scripts from a page before it is written."""
    needed, bodies = [], set()
    for script in context.get("script_files", []):
        body = getattr(script, "attributes", {}).get("body")
        name = str(getattr(script, "filename", script))
        if "thebe" in name or "thebe" in (body or "") or (body and body in bodies):
            continue
        bodies.add(body)
        needed.append(script)
    context["script_files"][:] = needed
    context["css_files"][:] = [sheet for sheet in context["css_files"] if "thebe" not in str(sheet)]


def setup(app):
    app.connect("html-page-context", keep_needed, priority=900)
    return {"version": "1", "parallel_read_safe": True}
