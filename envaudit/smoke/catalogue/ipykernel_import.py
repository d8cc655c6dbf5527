"""Import what a Jupyter kernel starts with."""


def run():
    import ipykernel.ipkernel
    import ipykernel.kernelapp

    for module, name in ((ipykernel.kernelapp, "IPKernelApp"), (ipykernel.ipkernel, "IPythonKernel")):
        if not hasattr(module, name):
            raise AssertionError("got a module without %s, expected it to be there" % (name,))
