# Two stages: the wheel is made where there is a C compiler, and only the installed package is kept.
FROM python:3.11 AS build
WORKDIR /src
COPY pyproject.toml hatch_build.py constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/isotherm \
    && /opt/isotherm/bin/pip install --no-cache-dir --constraint constraints.txt '.[kafka,postgres]' \
    && mkdir /data /history && chown 65534:65534 /data /history

FROM python:3.11-slim
COPY --from=build /opt/isotherm /opt/isotherm
COPY --from=build --chown=65534:65534 /data /data
COPY --from=build --chown=65534:65534 /history /history
ENV PATH=/opt/isotherm/bin:$PATH PYTHONUNBUFFERED=1 ISOTHERM_DATA=/data
# Once as root: Python's own modules are compiled as they are imported, and the user below can't keep what that makes.
RUN isotherm serve --help > /dev/null
ENV PYTHONDONTWRITEBYTECODE=1
USER 65534:65534
WORKDIR /data
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["isotherm"]
CMD ["serve", "--host", "0.0.0.0"]
