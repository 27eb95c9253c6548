# The base of the ML services: base-runtime, then torch in a layer of its own, then the packages around it.
ARG REGISTRY
ARG OWNER
ARG BASE_VERSION=v1.0.1
FROM ${REGISTRY}/${OWNER}/base-runtime:${BASE_VERSION}

# An index that has torch as it shall be, such as PyTorch's own one of CPU builds; empty: pip's settings, or PyPI, where
# torch for linux/amd64 brings CUDA along (some 3 GB).
ARG TORCH_INDEX_URL=""

# 1 writes .pyc files: 270 MB more in the image, and half the time to import (README.md).
ARG PIP_COMPILE=0

COPY libs/requirements-torch.txt /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip-conf --mount=type=secret,id=ca-bundle \
    pip install -c /opt/constraints.txt ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} \
        -r /tmp/requirements-torch.txt \
    && pip freeze > /opt/constraints.txt

COPY libs/requirements-ml.txt /tmp/
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip-conf --mount=type=secret,id=ca-bundle \
    pip install -c /opt/constraints.txt -r /tmp/requirements-ml.txt \
    && pip freeze > /opt/constraints.txt
