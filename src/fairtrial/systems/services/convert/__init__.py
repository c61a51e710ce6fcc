"""Recipes of the older benchmark framework made into studies."""
