"""What is kept from one run to the next.

``database`` says where and how, ``compiled`` what was read of compiled files, ``reports`` what was said of environments
in which nothing has changed. Each is imported by its own name: a run pays for what it uses.
"""
