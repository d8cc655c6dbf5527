"""Write a workbook into memory and read it again."""


def run():
    import io

    from openpyxl import Workbook, load_workbook

    book = Workbook()
    book.active.append([1, 2.5, "text"])
    file = io.BytesIO()
    book.save(file)
    file.seek(0)
    got = [[cell.value for cell in row] for row in load_workbook(file).active.iter_rows()]
    if got != [[1, 2.5, "text"]]:
        raise AssertionError("got %r, expected [[1, 2.5, 'text']]" % (got,))
