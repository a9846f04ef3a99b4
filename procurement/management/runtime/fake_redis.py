"""`python -m procurement.management.runtime.fake_redis PORT`: a Redis in memory, on loopback, without Django."""

import sys

from fakeredis import TcpFakeServer


def serve(port: int) -> None:
    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    # A connection's thread must not keep the process alive after it was told to stop.
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
