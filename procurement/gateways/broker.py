"""Whether the broker answers. Nothing depends on it: without one, the sender's own round finds what is due."""

import redis

ANSWER_SECONDS = 1.0


def answers(url: str) -> bool:
    """Within a second, or not at all. Never raises."""
    try:
        with redis.Redis.from_url(
            url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS, retry=None
        ) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError, ValueError):
        return False
