# Built where Docker and the usual registries are: docker compose build

FROM node:24-slim AS packages
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-progress

FROM python:3.13-slim AS product
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 LONGLEAD_MODE=production LONGLEAD_DATA_DIR=/var/lib/longlead
WORKDIR /srv/longlead
COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --no-cache-dir --require-hashes --requirement requirements/runtime.txt
# .dockerignore names what of the checkout comes along.
COPY . .
RUN if [ -d locale ]; then python -m babel.messages.frontend compile --directory locale --domain django; fi
RUN --mount=type=bind,from=packages,source=/build/node_modules,target=/packages \
    python -m procurement.management.runtime.assets --from /packages
# Production refuses to start without secrets; these last as long as this line.
RUN LONGLEAD_SECRET_KEY="$(python -c 'import secrets; print(secrets.token_hex(32))')" \
    LONGLEAD_KEY_PEPPER="$(python -c 'import secrets; print(secrets.token_hex(32))')" \
    LONGLEAD_SMTP_HOST=localhost \
    python manage.py collectstatic --noinput
RUN useradd --system --uid 10001 --no-create-home longlead && install -d -o longlead /var/lib/longlead
USER longlead
VOLUME /var/lib/longlead
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "procurement.config.wsgi:application", "--bind", "0.0.0.0:8000", \
     "--worker-class", "gthread", "--workers", "2", "--threads", "8", "--timeout", "60", "--graceful-timeout", "20", \
     "--no-control-socket", "--access-logfile", "-"]
