"""Load, faults and expectations; the demo's scenario."""
