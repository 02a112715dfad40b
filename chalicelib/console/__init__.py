"""The console: the pages that people use in a browser, and what sends them."""
