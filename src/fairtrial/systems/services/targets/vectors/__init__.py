"""Vector stores: ChromaDB and Qdrant, their vectors and their true neighbours."""
