"""The function `render_page`: a page of a PDF, or a picture, with what is cited highlighted."""
