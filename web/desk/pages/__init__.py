"""What the desk's pages show, made from what the database holds: pure functions, no HTTP, no templates."""
