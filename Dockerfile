FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY stepflow stepflow
COPY rules rules
COPY pipelines pipelines
RUN python -m venv /opt/stepflow && /opt/stepflow/bin/pip install --no-cache-dir '.[serve,redis]'

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /data stepflow && mkdir /app && chown stepflow /app
COPY --from=build /opt/stepflow /opt/stepflow
COPY rules /app/rules
COPY pipelines /app/pipelines
USER stepflow
# The store and the traces of the shipped pipelines lie under the working directory.
WORKDIR /data
ENV PATH=/opt/stepflow/bin:$PATH PYTHONUNBUFFERED=1 STEPFLOW_PIPELINE=/app/pipelines/default.yaml
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --start-period=20s \
  CMD python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"
ENTRYPOINT ["stepflow", "serve", "--host", "0.0.0.0", "--port", "8080", "--log", "json"]
