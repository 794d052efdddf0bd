# The operator's image: the locked dependencies and the project's wheel in one virtual environment, nothing else on top of Python.
FROM python:3.11-slim-bookworm AS build

WORKDIR /build
COPY requirements.lock requirements-dev.lock ./
# The build back end has its pins in the lock file of the developers; only its own lines are taken from there.
RUN awk '/^[a-z]/ { keep = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } keep' requirements-dev.lock > build.lock \
 && python3 -m venv tools \
 && tools/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r build.lock

RUN python3 -m venv --without-pip /opt/trainingjob \
 && tools/bin/pip --python /opt/trainingjob/bin/python install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock

# Byte code that is valid whatever the files' times are: the container can write none itself.
COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY operator operator
RUN tools/bin/hatchling build --target wheel \
 && tools/bin/pip --python /opt/trainingjob/bin/python install --no-cache-dir --no-deps --no-index dist/*.whl \
 && /opt/trainingjob/bin/python -m compileall -q --invalidation-mode unchecked-hash -f /opt/trainingjob/lib

FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="trainingjob-operator" \
      org.opencontainers.image.description="Run TensorFlow, MPI, PyTorch and plain training programs on Kubernetes from one short manifest." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"

COPY --from=build /opt/trainingjob /opt/trainingjob

ENV PATH=/opt/trainingjob/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# A number, so that the kubelet can check runAsNonRoot; no home, because the operator writes no file.
USER 10001:10001
ENTRYPOINT ["trainingjob-operator"]
