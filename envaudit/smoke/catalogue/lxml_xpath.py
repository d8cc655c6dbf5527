"""Parse a document and ask it by XPath."""


def run():
    from lxml import etree

    root = etree.fromstring(b"<list><item n='1'>one</item><item n='2'>two</item></list>")
    got = (root.xpath("//item[@n='2']/text()"), root.xpath("sum(//item/@n)"), etree.tostring(root[0]))
    if got != (["two"], 3.0, b'<item n="1">one</item>'):
        raise AssertionError("got %r, expected (['two'], 3.0, ...)" % (got,))
