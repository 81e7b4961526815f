# The compiler stays in this stage: durable-rules comes as C source only.
FROM python:3.11-slim-bookworm AS builder
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python -m venv /opt/eligibility
ENV PATH=/opt/eligibility/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements-build.lock requirements.lock ./
RUN pip install --require-hashes -r requirements-build.lock \
    && pip install --no-build-isolation --use-pep517 --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY eligibility eligibility
COPY api api
COPY migrations migrations
COPY rules rules
RUN pip install --no-build-isolation --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin eligibility \
    && install -d -o eligibility -g eligibility -m 700 /var/lib/eligibility
COPY --from=builder /opt/eligibility /opt/eligibility
COPY --chmod=755 docker/entrypoint /usr/local/bin/entrypoint
ENV PATH=/opt/eligibility/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ELIGIBILITY_DATA_DIR=/var/lib/eligibility \
    ELIGIBILITY_HOST=0.0.0.0 \
    ELIGIBILITY_PORT=8000
USER eligibility
VOLUME /var/lib/eligibility
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['ELIGIBILITY_PORT']}/health/live\", timeout=2)"]
ENTRYPOINT ["entrypoint"]
CMD ["eligibility", "serve"]
