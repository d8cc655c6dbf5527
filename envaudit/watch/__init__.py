"""Watch a program run until it ends, and say why it ended: the cause, the library, the line.

``supervisor`` is a program of its own that starts another under limits and leaves no process behind. When that one
crashes, ``brake`` holds it still while ``unwind`` reads from its memory which library it was in. Standard library
only; nothing is traced, nothing needs a debugger, a core file or special rights.
"""
