"""Pivot, roll and reshape a small table."""


def run():
    import pandas as pd

    table = pd.DataFrame({"row": ["a", "a", "b", "b"], "column": ["x", "y", "x", "y"], "value": [1, 2, 3, 4]})
    wide = table.pivot_table(index="row", columns="column", values="value", aggfunc="sum")
    got = [[int(value) for value in row] for row in wide.values.tolist()]
    if got != [[1, 2], [3, 4]]:
        raise AssertionError("pivot: got %r, expected [[1, 2], [3, 4]]" % (got,))
    got = [float(value) for value in table["value"].rolling(2).mean().tolist()[1:]]
    if got != [1.5, 2.5, 3.5]:
        raise AssertionError("rolling mean: got %r, expected [1.5, 2.5, 3.5]" % (got,))
    got = table["row"].str.upper().value_counts().to_dict()
    if got != {"A": 2, "B": 2}:
        raise AssertionError("counts: got %r, expected A and B twice" % (got,))
    got = int(table.melt(id_vars=["row", "column"], value_name="n")["n"].sum())
    if got != 10:
        raise AssertionError("melted: got %r, expected 10" % (got,))
