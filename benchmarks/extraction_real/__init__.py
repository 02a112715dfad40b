"""Real invoices, statements, forms and tables of packages, labelled by hand."""
