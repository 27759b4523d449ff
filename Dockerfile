# Reeve as one small image: the program, the VM plugins, an empty data directory, and nothing else.
# BASE is any image with Go: docker build --build-arg BASE=golang:1.26 -t reeve .
ARG BASE=golang:1.26
FROM ${BASE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=devel
ENV CGO_ENABLED=0
RUN go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/reeve ./cmd/reeve
RUN go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/plugins/kvvm ./vmhost/kvvm/cmd/kvvm
RUN go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/plugins/relayvm ./vmhost/relayvm/cmd/relayvm
RUN GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags "-s -w" -o /out/paras/ledger.wasm ./services/collator/ledger/validation

FROM scratch
COPY --from=build /out/reeve /reeve
COPY --from=build /out/plugins /plugins
COPY --from=build /out/paras /paras
# Fresh volumes take their owner from here.
COPY --chown=65532:65532 deploy/image/ /
USER 65532:65532
ENTRYPOINT ["/reeve"]
