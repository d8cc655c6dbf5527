"""envaudit links a Python environment: it names every need of a distribution that nothing installed can meet."""

__version__ = "0.1.0"
