"""A worker tells endpoints what they wait for; of two workers one does."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from threading import Thread
from typing import Any

import pytest

from procurement.models import WebhookDelivery
from procurement.tasks import webhooks
from procurement.vocabulary import DeliveryState
from tests.procurement.api.calls import calling
from tests.procurement.services.order_documents import make_world


@pytest.mark.django_db
def test_what_is_due_is_sent_once_however_often_a_worker_is_woken(settings: Any) -> None:
    settings.CHAT_NETWORKS = [ip_network("127.0.0.0/8")]
    got: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            got.append(str(self.headers["webhook-id"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on standard error."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    make_world()
    erp = calling()
    made = erp.post("/webhook-endpoints", {"url": f"http://127.0.0.1:{server.server_port}/", "types": ["po.created"]})
    ping = erp.post(f"/webhook-endpoints/{made.json()['id']}/ping", {}).json()

    webhooks.send_now()
    webhooks.send_now()

    server.shutdown()
    thread.join()
    server.server_close()
    assert got == [ping["webhook_id"]]
    assert WebhookDelivery.objects.get().state == DeliveryState.DELIVERED
