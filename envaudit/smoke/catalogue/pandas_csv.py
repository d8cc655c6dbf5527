"""Write a table as CSV into memory and read it again."""


def run():
    import io

    import pandas as pd

    rows = {"number": [1, -2, 3], "real": [0.5, 0.25, -8.0], "text": ["plain", "with, comma", 'with "quotes"']}
    text = io.StringIO()
    pd.DataFrame(rows, columns=["number", "real", "text"]).to_csv(text, index=False)
    read = pd.read_csv(io.StringIO(text.getvalue()))
    for name, expected in rows.items():
        got = read[name].tolist()
        if got != expected:
            raise AssertionError("%s: got %r, expected %r" % (name, got, expected))
