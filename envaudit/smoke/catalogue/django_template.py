"""Fill in a template and ask a database in memory."""


def run():
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    )
    django.setup()
    from django.db import connection
    from django.template import engines

    got = engines["django"].from_string("{% for n in numbers %}{{ n }};{% endfor %}").render({"numbers": [1, 2, 3]})
    if got != "1;2;3;":
        raise AssertionError("template: got %r, expected '1;2;3;'" % (got,))
    with connection.cursor() as cursor:
        cursor.execute("select 6 * 7")
        got = cursor.fetchone()[0]
    if got != 42:
        raise AssertionError("database: got %r, expected 42" % (got,))
