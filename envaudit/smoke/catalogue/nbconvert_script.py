"""Turn a notebook into a script and into a web page."""


def run():
    from nbconvert.exporters import HTMLExporter, PythonExporter
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    book = new_notebook(cells=[new_markdown_cell("**bold**"), new_code_cell("answer = 41 + 1")])
    got = PythonExporter().from_notebook_node(book)[0]
    if "answer = 41 + 1" not in got:
        raise AssertionError("script: got %r, expected the line of the cell" % (got[:300],))
    got = HTMLExporter().from_notebook_node(book)[0]
    if "<strong>bold</strong>" not in got:
        raise AssertionError("page: got %r, expected bold text" % (got[-300:],))
