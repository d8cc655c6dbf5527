"""Write a picture as PNG into memory and read it again."""


def run():
    import io

    from PIL import Image

    picture = Image.new("RGB", (7, 5), (10, 20, 30))
    picture.putpixel((3, 2), (200, 100, 50))
    data = io.BytesIO()
    picture.save(data, format="PNG")
    read = Image.open(io.BytesIO(data.getvalue()))
    got = (read.size, read.getpixel((3, 2)), read.getpixel((0, 0)))
    if got != ((7, 5), (200, 100, 50), (10, 20, 30)):
        raise AssertionError("got %r, expected the pixels that were written" % (got,))
    got = picture.resize((14, 10), 0).getpixel((7, 5))
    if got != (200, 100, 50):
        raise AssertionError("resized: got %r, expected (200, 100, 50)" % (got,))
