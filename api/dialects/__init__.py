"""The dialects: one package a document."""
