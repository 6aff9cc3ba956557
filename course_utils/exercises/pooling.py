"""Lesson 04: downsampling."""
