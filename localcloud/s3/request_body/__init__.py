"""Request bodies: framing, checksums, and upload forms with their policies."""
