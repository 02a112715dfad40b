"""Custom Model Import: models of Hugging Face's layout, answered by llama.cpp."""
