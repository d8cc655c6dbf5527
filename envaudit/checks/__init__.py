"""The checks: pure functions from facts and rules to findings and gaps, one family to a file.

A check reads no file and no setting, does not know what is ignored, and prints nothing. ``registry.CHECKS`` lists them.
"""
