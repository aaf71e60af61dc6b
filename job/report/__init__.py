"""The report: one HTML file about the fleet, or its first screen as text. `job/commands/report.py` writes it."""
