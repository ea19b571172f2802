"""Load, faults and expectations, played against a running world from outside, as its users and operators would."""
