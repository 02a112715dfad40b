"""Jobs: their lifecycle, steps and settlement, and the rules of claiming and settling ingests."""
