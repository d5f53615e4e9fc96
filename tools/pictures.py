"""Generated pictures as files of a page: the same in every run, and with their words."""

import io


def svg(drawn):
    """A Drawing as the text of a file, the same in every run."""
    file = io.StringIO()
    drawn.save(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def figure(name, title, description):
    """Markdown: a generated picture with its alternative text."""
    alt = f"{title}. {description}".replace("\n", " ")
    return f"```{{figure}} ../_build/generated/{name}\n:alt: {alt}\n```\n"
