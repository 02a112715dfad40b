"""The choice of a language model among the spans of fields that stayed open."""
