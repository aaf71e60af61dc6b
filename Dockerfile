# Builds the job's image: docker build --build-arg BUILD="$(git rev-parse --short HEAD)" --tag gke-inventory .
# The base is pinned by the digest of its index, for all platforms. To take a newer one:
# docker buildx imagetools inspect python:3.11-slim
ARG BASE=python:3.11-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7

FROM ${BASE} AS build
WORKDIR /src
# Only wheels, each verified by its hash, so that no package runs its own code during the build.
COPY config/requirements.txt config/
RUN pip download --no-cache-dir --require-hashes --only-binary :all: --dest /wheels --requirement config/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY job job
RUN pip install --no-index --find-links /wheels hatchling \
 && pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheels .
# The job's dependencies, without pip and hatchling. Byte-compiled: importing uncompiled packages takes seconds at each
# start, and a read-only root file system cannot cache the result.
RUN python -m venv --without-pip /opt/gke-inventory \
 && pip --python /opt/gke-inventory/bin/python install --no-index --find-links /wheels --no-compile gke-inventory \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/gke-inventory/lib

FROM ${BASE}
# Nothing in the job installs packages, so the base's pip goes too.
RUN useradd --uid 65532 --no-create-home --shell /usr/sbin/nologin inventory \
 && rm -r "$(python -c 'import ensurepip; print(*ensurepip.__path__)')" \
 && python -m pip uninstall --yes pip setuptools wheel
COPY --from=build /opt/gke-inventory /opt/gke-inventory
ARG BUILD=""
LABEL org.opencontainers.image.title="gke-inventory" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.revision="${BUILD}"
ENV PATH=/opt/gke-inventory/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GKE_INVENTORY_BUILD=${BUILD}
USER 65532:65532
# The only folder that the job writes to, for rows before they are loaded. Mount a volume here, or set TMPDIR.
WORKDIR /tmp
ENTRYPOINT ["gke-inventory"]
CMD ["run"]
