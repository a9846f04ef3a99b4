"""What a vendor sees behind its link: its own open lots and our questions, and nothing else. No log-in is asked for."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone, translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from procurement.portal.forms.vendor_rounds import AnswerQuestions
from procurement.queries.vendor_rounds import questions_of
from procurement.services import vendor_rounds
from procurement.services.vendor_rounds import LinkUnknown
from sites.domain.errors import RuleBroken


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, secret: str) -> HttpResponse:
    """GET changes nothing; what is sent waits until a person on our side has looked at it."""
    now = timezone.now()
    try:
        asked = vendor_rounds.behind_link(secret, now=now)
    except LinkUnknown as refusal:
        return render(request, "rounds/link_refused.html", {"refusal": refusal}, status=404)
    with translation.override(asked.language):
        questions = questions_of(asked, asked.asked_by)
        form, status, done = AnswerQuestions(questions=questions), 200, None
        if request.method == "POST":
            form, status = AnswerQuestions(request.POST, questions=questions), 422
            if form.is_valid():
                try:
                    done = vendor_rounds.take_answers(
                        secret=secret, answers=form.answers, said_by=form.cleaned_data["said_by"], now=now
                    )
                    status = 200
                except RuleBroken as refusal:
                    form.refuse(refusal)
        context = {"asked": asked, "form": form, "done": done, "answered": len(form.answers) if done else 0}
        answered = render(request, "rounds/answer.html", context, status=status)
    # The secret is in the address: it goes to nobody else, and the form still says where it comes from.
    answered.headers["Referrer-Policy"] = "same-origin"
    answered.headers["X-Robots-Tag"] = "noindex"
    return answered
