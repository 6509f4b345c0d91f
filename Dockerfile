# A container that holds llmsecrets and git, and runs as nobody in particular:
#   docker build --tag llmsecrets .
#   docker run --rm --volume "$PWD:/repo:ro" llmsecrets scan --history .

FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY LICENSE README.md hatch_build.py pyproject.toml /source/
COPY docs/llmsecrets.1 /source/docs/
COPY rules /source/rules
COPY scanner /source/scanner
RUN python3 -m venv /opt/llmsecrets \
    && /opt/llmsecrets/bin/pip install --no-cache-dir --disable-pip-version-check /source \
    && /opt/llmsecrets/bin/pip uninstall --yes pip setuptools

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home scanner \
    # What is mounted belongs to somebody else, which git refuses; llmsecrets runs nothing a repository configures.
    && git config --system --add safe.directory '*'
COPY --from=build /opt/llmsecrets /opt/llmsecrets
ENV PATH=/opt/llmsecrets/bin:$PATH \
    LLMSECRETS_CACHE_DIR=/home/scanner/.cache/llmsecrets
USER scanner
WORKDIR /repo
ENTRYPOINT ["llmsecrets"]
CMD ["scan", "."]
