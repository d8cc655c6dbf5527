"""Write a notebook, validate it and read it again."""


def run():
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    book = new_notebook(cells=[new_markdown_cell("# title"), new_code_cell("1 + 1")])
    nbformat.validate(book)
    got = [cell["source"] for cell in nbformat.reads(nbformat.writes(book), as_version=4)["cells"]]
    if got != ["# title", "1 + 1"]:
        raise AssertionError("got %r, expected ['# title', '1 + 1']" % (got,))
