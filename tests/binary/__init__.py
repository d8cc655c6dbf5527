"""Tests of the binary reader."""
