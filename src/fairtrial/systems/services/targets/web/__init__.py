"""Plain HTTP, by aiohttp or by a protocol of our own."""
