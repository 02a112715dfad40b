"""From what was found on a page to its text: what the functions that read files share."""
