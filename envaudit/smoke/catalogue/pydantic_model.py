"""Check values against a model, good and bad."""


def run():
    import typing

    import pydantic

    class Point(pydantic.BaseModel):
        x: int
        names: typing.List[str] = []

    got = (Point(x="3").x, Point(x=1, names=["a"]).names)
    if got != (3, ["a"]):
        raise AssertionError("got %r, expected (3, ['a'])" % (got,))
    try:
        Point(x="three")
    except pydantic.ValidationError:
        return
    raise AssertionError("got a point from 'three', expected an error")
