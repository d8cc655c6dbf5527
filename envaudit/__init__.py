"""envaudit links a Python environment: it reads what every distribution offers and needs, and names what cannot hold."""

__version__ = "0.1.0"
