# One image; the command chooses the role: `serve` (default), `db upgrade`, `train`, `import`, `keys`.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# PyPI's torch carries CUDA; this index adds the CPU builds that constraints.txt then prefers.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python3 -m venv /opt/thaw
COPY pyproject.toml constraints.txt ./
# Dependencies first: this layer stays until one of these two files changes.
RUN python3 -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > requirements.txt \
    && /opt/thaw/bin/pip install --extra-index-url "${TORCH_INDEX}" -c constraints.txt -r requirements.txt
COPY README.md ./
COPY app app
COPY models models
COPY migrations migrations
RUN /opt/thaw/bin/pip install --no-deps . \
    && find /opt/thaw -depth -type d \( -path '*/torch/include' -o -path '*/torch/test' \) -exec rm -r {} +

FROM ${BASE}
RUN useradd --uid 10001 --create-home --home-dir /srv/thaw --shell /usr/sbin/nologin thaw \
    && mkdir -p /srv/thaw/var/weights && chown -R thaw /srv/thaw/var
COPY --from=build /opt/thaw /opt/thaw
ENV PATH=/opt/thaw/bin:$PATH PYTHONUNBUFFERED=1 THAW_SERVER__HOST=0.0.0.0
WORKDIR /srv/thaw
USER 10001
VOLUME /srv/thaw/var
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
ENTRYPOINT ["thaw"]
CMD ["serve"]
