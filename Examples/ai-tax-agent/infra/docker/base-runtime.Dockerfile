# The base of every service: Python, the packages that all of them use, the user that they run as.
FROM python:3.12-slim

# PIP_CONFIG_FILE: where the optional build secret `pip-conf` is mounted; without it pip has its defaults.
# UVICORN_*: uvicorn's own variables, so that `docker run -e UVICORN_PORT=9000` moves any service.
ENV PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_CONFIG_FILE=/run/secrets/pip-conf \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_PORT=8000

# pip's own setting: 1 writes .pyc files.
ARG PIP_COMPILE=0

RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin appuser
WORKDIR /app

# /opt/constraints.txt says what is installed; whatever is built on this image installs with `-c /opt/constraints.txt`,
# and so cannot replace any of it by another version.
COPY libs/requirements-base.txt /tmp/requirements.txt
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip-conf --mount=type=secret,id=ca-bundle \
    pip install -r /tmp/requirements.txt \
    && pip freeze > /opt/constraints.txt
