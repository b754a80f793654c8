# One image with all programs: nothing but static binaries, not root.
FROM golang:1.26 AS build
WORKDIR /src
COPY . .
ARG VERSION=unknown
RUN make build VERSION=$VERSION

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/bin/cacheserver /src/bin/uiserver /src/bin/mock /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/cacheserver"]
