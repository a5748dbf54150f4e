"""The hops: thin PyFlink adapters around models/, one class a file."""
