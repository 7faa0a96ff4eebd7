# The server in an environment of its own; data and keys live in /data.
FROM python:3.11-slim
RUN pip install --no-cache-dir uv
WORKDIR /app
COPY . .
RUN uv sync --frozen --no-dev && useradd --system --create-home flowledger && mkdir /data && chown flowledger /data
ENV PATH=/app/.venv/bin:$PATH FLOWLEDGER_DATA=/data
USER flowledger
VOLUME /data
EXPOSE 8000
CMD ["flowledger", "up", "--host", "0.0.0.0"]
