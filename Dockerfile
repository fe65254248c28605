# Shopwatch in a container: built in one stage, run in another as a user of its own. It writes only below
# /var/lib/shopwatch and /tmp, so the root file system may be read-only:
#   docker run --read-only --tmpfs /tmp -v shopwatch:/var/lib/shopwatch -v ./config.yaml:/etc/shopwatch/config.yaml:ro \
#     -p 127.0.0.1:9469:9469 shopwatch
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/shopwatch \
    && /opt/shopwatch/bin/pip install --no-cache-dir --require-hashes -r requirements/core.txt -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY probes/ probes/
COPY alerts/ alerts/
COPY monitor/ monitor/
COPY dashboards/ dashboards/
COPY runbooks/ runbooks/
RUN /opt/shopwatch/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/shopwatch/bin/pip uninstall -y -q hatchling editables pluggy pathspec trove-classifiers

FROM python:3.11-slim-bookworm
# The restore drills run the real programs: pg_restore and a scratch postgres.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql sqlite3 zstd \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/shopwatch --create-home shopwatch
COPY --from=build /opt/shopwatch /opt/shopwatch
ENV PATH=/opt/shopwatch/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER shopwatch
WORKDIR /var/lib/shopwatch
VOLUME /var/lib/shopwatch
EXPOSE 9469
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9469/-/healthy', timeout=2)"]
ENTRYPOINT ["shopwatch"]
# Inside a container the config need not say where: it listens on all addresses (publish the port to 127.0.0.1 only, or
# put a proxy that asks for a password in front), and keeps its state on the volume.
CMD ["run", "--config", "/etc/shopwatch/config.yaml", "--listen", "0.0.0.0:9469", \
     "--store", "sqlite:///var/lib/shopwatch/state.db"]
