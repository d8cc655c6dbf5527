"""Draw a figure with text into a PNG in memory."""


def run():
    import io
    import struct

    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 3), dpi=50)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot(1, 1, 1)
    axes.plot([0, 1, 2], [0, 1, 4], label="squares")
    axes.contour([[0.0, 1.0], [1.0, 2.0]])
    axes.set_title("envaudit")
    axes.legend(loc="upper left")
    picture = io.BytesIO()
    canvas.print_figure(picture, format="png", dpi=50)
    data = picture.getvalue()
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[-8:-4] != b"IEND":
        raise AssertionError("got %r at the start, expected a whole PNG" % (data[:8],))
    got = struct.unpack(">II", data[16:24])
    if got != (200, 150):
        raise AssertionError("got %r, expected (200, 150) pixels" % (got,))
