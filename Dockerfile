# Build stage: a virtual environment with the pinned dependencies and the bot.
FROM python:3.13-slim AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv --without-pip /opt/venv
WORKDIR /src

# The dependencies first: they change seldom, so this layer is reused.
COPY requirements.txt ./
RUN python -m pip --python /opt/venv/bin/python install --require-hashes -r requirements.txt

COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY migrations migrations
RUN python -m pip --python /opt/venv/bin/python install --no-deps .

# Runtime stage: that environment only. It works with a read-only root file system: all that is
# written, temporary files of SQLite included, goes to /data.
FROM python:3.13-slim

RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data bot \
  && install --directory --owner bot --group bot /data
COPY --from=build /opt/venv /opt/venv

ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
  HOST=0.0.0.0 DATA_DIR=/data TMPDIR=/data
WORKDIR /app
USER 10001:10001
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", \
  "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('PORT', 3000)}/healthz\")"]
# Docker sends SIGTERM on stop; the bot finishes what it has in hand within SHUTDOWN_TIMEOUT (8 s).
ENTRYPOINT ["friendli-deploy"]
CMD ["serve"]
