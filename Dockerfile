# Builds the job's image: docker build -t gke-inventory .
FROM python:3.11-slim AS build
COPY config/requirements.txt /src/config/requirements.txt
RUN python -m venv /opt/gke-inventory \
 && /opt/gke-inventory/bin/pip install --no-cache-dir --no-compile --require-hashes -r /src/config/requirements.txt
COPY pyproject.toml README.md LICENSE /src/
COPY job /src/job
# Imports of uncompiled packages take seconds at each start; a read-only root file system could not keep the result.
RUN /opt/gke-inventory/bin/pip install --no-cache-dir --no-compile --no-deps --no-build-isolation /src \
 && /opt/gke-inventory/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/gke-inventory/lib

FROM python:3.11-slim
RUN useradd --uid 65532 --no-create-home --shell /usr/sbin/nologin inventory
COPY --from=build /opt/gke-inventory /opt/gke-inventory
ENV PATH=/opt/gke-inventory/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532
WORKDIR /tmp
ENTRYPOINT ["gke-inventory"]
CMD ["run"]
