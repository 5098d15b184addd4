# fer-ensemble, to predict and to serve. docs/releasing.md builds it, SECURITY.md says what for.
#
#   docker build -t fer-ensemble .
#   docker run --rm -p 127.0.0.1:8000:8000 fer-ensemble        # the page at http://localhost:8000/
#   docker run --rm --network none --user "$(id -u):$(id -g)" -v "$PWD:/work" \
#     fer-ensemble predict photos/ --out predictions.csv
#
# To serve to others, name the server as they call it, and put a proxy with TLS before it:
#   docker run --rm -p 8000:8000 fer-ensemble serve --host 0.0.0.0 --allow-host faces.example.org
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY fer_ensemble ./fer_ensemble
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --root-user-action=ignore --prefix=/installed '.[serve]'

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="fer-ensemble" \
      org.opencontainers.image.description="Facial expression recognition by ensembles" \
      org.opencontainers.image.source="https://github.com/fer-ensemble/fer-ensemble" \
      org.opencontainers.image.licenses="MIT AND Apache-2.0"
COPY --from=build /installed /usr/local
WORKDIR /work
# A user that owns nothing, not even the folder that is mounted at /work: --user says whose it is.
USER 65534:65534
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["fer-ensemble"]
# Inside a container, 127.0.0.1 is the container alone. Without --allow-host, requests by any name
# would be answered, so that a page of another site could give its own to this address.
CMD ["serve", "--host", "0.0.0.0", "--allow-host", "localhost"]
