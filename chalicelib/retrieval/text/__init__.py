"""Text analysis that search and answers share: sentences, words, quantities, languages."""
