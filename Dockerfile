# One image for every service; docker-compose.yml gives each its command.
FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY requirements/runtime.txt requirements/
RUN python -m venv /opt/sekisho \
 && /opt/sekisho/bin/pip install --no-cache-dir --require-hashes -r requirements/runtime.txt
COPY . .
RUN python -m venv /opt/hatch \
 && /opt/hatch/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && /opt/hatch/bin/hatchling build -t wheel \
 && /opt/sekisho/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin sekisho
COPY --from=build /opt/sekisho /opt/sekisho
COPY flowerconfig.py /opt/sekisho/etc/flowerconfig.py
ENV PATH=/opt/sekisho/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /tmp
RUN install --directory --owner=10001 --group=10001 /var/lib/sekisho-catalog
USER 10001:10001
CMD ["sekisho", "--help"]
