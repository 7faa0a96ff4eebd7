"""What we are measured against: what a user would pick instead, and ceilings that nobody passes."""
