"""Lesson 03: every layer by hand."""
