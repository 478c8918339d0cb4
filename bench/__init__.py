"""The benchmark suite: real layers, real peers, one protocol. See bench/README.md."""
