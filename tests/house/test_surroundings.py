import os
import socket

import pytest
import redis
from django.db import connection

from tests.conftest import NetworkTouched


@pytest.mark.django_db
def test_the_database_is_postgresql_18_and_the_role_no_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version_num')::int / 10000, rolsuper"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (18, False)


@pytest.mark.usefixtures("broker")
def test_the_broker_keeps_a_queue_and_runs_scripts() -> None:
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.rpush("queue", "look now")

        assert client.eval("return redis.call('lpop', KEYS[1])", 1, "queue") == b"look now"


def test_a_test_cannot_leave_this_machine() -> None:
    with socket.socket() as far, pytest.raises(NetworkTouched):
        far.connect(("192.0.2.1", 80))

    with pytest.raises(NetworkTouched):
        socket.getaddrinfo("longlead.example", 80)
