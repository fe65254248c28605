"""How probes reach the network: measured phases, one deadline."""
