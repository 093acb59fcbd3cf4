FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 DATA_DIR=/data

RUN useradd --create-home --uid 10001 bot && mkdir /data && chown bot /data
WORKDIR /app

# Pinned dependencies first: they change seldom, so this layer is reused.
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY migrations migrations
RUN pip install --no-cache-dir --no-deps .

USER bot
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', 3000)}/healthz\")"]
# Docker sends SIGTERM on stop; the bot finishes what it has in hand within SHUTDOWN_TIMEOUT (8 s).
CMD ["friendli-deploy", "serve"]
