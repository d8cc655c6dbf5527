"""Measurements that anyone can repeat: whole commands, side by side, in one run."""
