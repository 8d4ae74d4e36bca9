# One static binary and nothing else: no shell, no package manager, no root.
#
#   docker build -t ostiary .
#   docker run --read-only --cap-drop ALL -p 8080:8080 -v ostiary-data:/data \
#     -e OSTIARY_HTTP_ALLOW_PLAIN=true ostiary            # plain HTTP: for trying it out, or behind a proxy
FROM golang:1.26.10-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/ostiary ./cmd/ostiary \
 && mkdir -m 700 /out/data

FROM scratch
# What is needed to speak TLS to directories, providers and the database, and to name time zones.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /usr/local/go/lib/time/zoneinfo.zip /zoneinfo.zip
COPY --from=build /out/ostiary /ostiary
# Only the data directory is written to; with MongoDB it contains the control socket.
COPY --from=build --chown=65532:65532 /out/data /data
ENV ZONEINFO=/zoneinfo.zip OSTIARY_DATA_DIR=/data OSTIARY_HTTP_ADDRESS=0.0.0.0:8080
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s CMD ["/ostiary", "health"]
ENTRYPOINT ["/ostiary"]
CMD ["serve"]
