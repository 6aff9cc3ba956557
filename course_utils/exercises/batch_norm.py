"""Lesson 05: normalization."""
