"""A widget whose value another one follows."""


def run():
    import ipywidgets
    from traitlets import link

    slider = ipywidgets.IntSlider(value=3, min=0, max=10)
    text = ipywidgets.IntText()
    link((slider, "value"), (text, "value"))
    slider.value = 7
    if text.value != 7:
        raise AssertionError("got %r, expected 7" % (text.value,))
