"""Tells somebody outside that a whole cycle was done; when it stops telling, they raise the alarm."""

import logging

import httpx

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0


def ping(url: str) -> bool:
    """Whether it was heard. Empty: nobody listens. Never raises."""
    if not url:
        return False
    try:
        answer = httpx.get(url, timeout=ANSWER_SECONDS, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as failure:
        logger.warning("The dead-man address did not answer (%s).", type(failure).__name__)
        return False
    return answer.is_success
