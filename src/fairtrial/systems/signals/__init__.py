"""Signals from an order book, judged on market data that does not change."""
