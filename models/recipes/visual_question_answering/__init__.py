"""Answers to questions about pictures, by a BLIP-2 or an Idefics that is tuned on your own."""
