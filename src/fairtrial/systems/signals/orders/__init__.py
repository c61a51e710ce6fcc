"""The book: messages become bins, and changes of depth in the order in which they happened."""
