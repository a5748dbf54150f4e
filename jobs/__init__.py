"""The jobs: what flows through which hop, in order."""
