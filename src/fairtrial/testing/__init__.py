"""Fakes and exams for authors of plug-ins; our own plug-ins sit them first."""
