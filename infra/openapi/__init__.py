"""The OpenAPI document of the API and its HTML page, made from routes and contracts."""
