# One image for all roles; docker-compose.yml starts `ingest` and `process` from it.
# It has no embedded engine: in a container ClickHouse is a server of its own.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /bouncehouse ./cmd/bouncehouse

# Not "scratch": the binary needs glibc, for the engine that it could load.
FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 65532 --home-dir /var/lib/bouncehouse --create-home bouncehouse
COPY --from=build /bouncehouse /usr/local/bin/bouncehouse
USER bouncehouse
VOLUME /var/lib/bouncehouse
ENTRYPOINT ["bouncehouse"]
