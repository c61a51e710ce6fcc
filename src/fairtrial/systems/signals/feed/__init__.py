"""Other people's files: messages of a feed become those of a book."""
