# The bot and its engine in one container. Secrets come at run time, never at build time:
#
#   docker build -t likeness .
#   docker run --gpus all -v likeness-data:/data \
#     -v ./config.toml:/config/config.toml:ro -v ./secrets:/run/secrets:ro likeness
#
# A machine without a GPU: --build-arg PIP_FLAGS="--extra-index-url URL", the index that pytorch.org names
FROM python:3.12-slim AS build

ARG PIP_FLAGS=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/likeness
WORKDIR /src

# The large and seldom-changing part first, so that a change of code does not download torch again.
COPY constraints.txt ./
RUN /opt/likeness/bin/pip install $PIP_FLAGS -c constraints.txt $(grep '^torch==' constraints.txt)
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY engine engine
COPY storage storage
RUN /opt/likeness/bin/pip install $PIP_FLAGS -c constraints.txt .


FROM python:3.12-slim

RUN useradd --uid 10001 --no-create-home --home-dir /data likeness \
 && install -d -o likeness -g likeness -m 0700 /data
COPY --from=build /opt/likeness /opt/likeness
ENV PATH=/opt/likeness/bin:$PATH PYTHONUNBUFFERED=1 HF_HOME=/data/models LIKENESS_CONFIG=/config/config.toml
USER likeness
WORKDIR /data
VOLUME /data

# "Stop" is SIGTERM: the running step is finished and saved, which may take half a minute.
STOPSIGNAL SIGTERM
ENTRYPOINT ["likeness"]
CMD ["run"]
