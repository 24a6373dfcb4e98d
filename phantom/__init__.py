"""Radiographs made by the project: a projection through analytic bones, whole or broken."""
