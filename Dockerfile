# One image holds every part of a node: which part a container is, its command says.
#
# The build stage needs a Go base, any image with Go 1.26 in it: --build-arg BASE=golang:1.26. Where none can be pulled,
# deploy/compose-test.sh shows how the final stage alone is built from binaries of the host.
ARG BASE=golang:1.26

FROM ${BASE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ENV CGO_ENABLED=0
RUN go build -trimpath -ldflags '-s -w' -o /out/reeve ./cmd/reeve \
 && go build -trimpath -ldflags '-s -w' -o /out/plugins/kvvm ./vmhost/kvvm/cmd/kvvm \
 && mkdir -p /out/reeve-data /out/tmp

FROM scratch
COPY --from=build /out/reeve /reeve
COPY --from=build /out/plugins/ /plugins/
# A fresh volume takes the owner of the directory that it is mounted on.
COPY --from=build --chown=65532:65532 /out/reeve-data /var/lib/reeve
COPY --from=build --chown=65532:65532 /out/tmp /tmp
USER 65532:65532
ENV REEVE_DATA_DIR=/var/lib/reeve
ENTRYPOINT ["/reeve"]
CMD ["--help"]
