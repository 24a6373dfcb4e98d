# Two images of one node. `node` has no torch and runs everything on the CPU; `gpu` adds torch with
# CUDA for the analyse worker. The locks are resolved for, and tested with, this Python.
FROM python:3.11-slim-bookworm AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
# The data folder belongs to the node's user, and so does a new volume that is mounted there.
RUN groupadd --gid 10001 osteon \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin osteon \
    && install --directory --owner osteon --group osteon --mode 0700 /var/lib/osteon
WORKDIR /opt/osteon
EXPOSE 11112
ENTRYPOINT ["osteon"]

# The scripts that patients' names are written in, for the PDF report.
FROM base AS fonts
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends fonts-noto-core fonts-noto-cjk \
    && install --directory /fonts \
    && find /usr/share/fonts \( -name 'NotoSansCJK-Regular.ttc' -o -name 'NotoSans*-Regular.ttf' \
        -o -name 'NotoSans-Bold.ttf' -o -name 'NotoNaskhArabic-Regular.ttf' \) \
        -exec cp {} /fonts \;

# Wheels only: no compiler comes into any image.
FROM base AS node-packages
COPY requirements.lock ./
RUN python -m venv /opt/venv \
    && pip install --require-hashes --only-binary :all: -r requirements.lock

FROM node-packages AS gpu-packages
COPY requirements-gpu.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements-gpu.lock

# Compiled here, because the containers' root is read-only.
FROM base AS source
COPY pyproject.toml README.md LICENSE remote_systems.py http_serving.py logs.py ./
COPY cli ./cli
COPY worker ./worker
COPY web ./web
COPY dicom_node ./dicom_node
COPY gateway ./gateway
COPY messages ./messages
COPY model ./model
COPY phantom ./phantom
COPY db ./db
COPY settings ./settings
RUN python -m compileall -q .

FROM node-packages AS node
COPY --from=fonts /fonts /usr/share/fonts/truetype/noto
COPY --from=source /opt/osteon ./
RUN pip install --no-index --no-deps --no-build-isolation --editable .
USER 10001:10001

FROM gpu-packages AS gpu
COPY --from=fonts /fonts /usr/share/fonts/truetype/noto
COPY --from=source /opt/osteon ./
RUN pip install --no-index --no-deps --no-build-isolation --editable .
USER 10001:10001
