# One image for every role: `trilith coordinator`, `trilith node`, and the client commands.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/trilith
COPY requirements.lock pyproject.toml LICENSE README.md ./
# The lock also names what only tests need. As constraints (which may not carry hashes) it gives the
# tested versions of just those packages that the service needs.
RUN sed -e 's/ *\\$//' -e '/^ *--hash=/d' requirements.lock > constraints.txt \
    && /opt/trilith/bin/pip install --no-cache-dir --constraint constraints.txt setuptools
COPY erasure erasure
COPY metadata metadata
COPY node node
COPY coordinator coordinator
COPY trilith trilith
COPY benchmarks benchmarks
RUN /opt/trilith/bin/pip install --no-cache-dir --constraint constraints.txt \
    --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/trilith /opt/trilith
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin trilith \
    && install -d -o trilith -g trilith -m 0700 /data /cluster
ENV PATH=/opt/trilith/bin:$PATH PYTHONUNBUFFERED=1
USER trilith
WORKDIR /data
VOLUME /data
EXPOSE 9000
ENTRYPOINT ["trilith"]
CMD ["--help"]
