"""What several kinds share on the way from JSON to rows."""
