"""How long a training step takes here and in what one would use instead: ``make bench``."""
