"""Fill in a template."""


def run():
    import jinja2

    template = jinja2.Template("{% for x in values %}{{ x|e }},{% endfor %}{{ name|upper }}")
    got = template.render(values=[1, "<"], name="end")
    if got != "1,&lt;,END":
        raise AssertionError("got %r, expected '1,&lt;,END'" % (got,))
