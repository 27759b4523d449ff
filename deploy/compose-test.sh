#!/usr/bin/env bash
# Runs docker-compose.yml for real: builds the image from the host's binaries, brings one validator up as containers, sends a
# transaction, kills each part's process from outside, and looks for what was lost. It prints what it saw and how long it took.
# Where there is no container engine it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! docker info >/dev/null 2>&1; then
  echo "compose-test: no container engine here; nothing was tested"
  exit 0
fi
compose() { if docker compose version >/dev/null 2>&1; then docker compose "$@"; else docker-compose "$@"; fi; }

export COMPOSE_PROJECT_NAME="reeve-test-$$" REEVE_IMAGE="reeve:test-$$"
export REEVE_HTTP_PORT="${REEVE_HTTP_PORT:-19650}" REEVE_P2P_PORT="${REEVE_P2P_PORT:-19651}" REEVE_METRICS_PORT="${REEVE_METRICS_PORT:-19464}"
context="$(mktemp -d)"
finish() {
  status=$?
  [ $status -eq 0 ] || compose logs --tail 20 2>/dev/null || true
  compose down --volumes --timeout 5 >/dev/null 2>&1 || true
  docker image rm -f "$REEVE_IMAGE" >/dev/null 2>&1 || true
  rm -rf "$context"
}
trap finish EXIT

millis() { echo $(($(date +%s%N) / 1000000)); }
since() { echo "$(($(millis) - $1)) ms"; }
# within SECONDS WHAT COMMAND…: tries the command until it works.
within() {
  local until=$(($(millis) + $1 * 1000)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ "$(millis)" -gt "$until" ]; then
      echo "compose-test: $what: not in time" >&2
      "$@" >&2 || true
      return 1
    fi
    sleep 0.05
  done
}
container() { compose ps -q "$1"; }
reeve() { docker exec "$(container overseer)" /reeve "$@"; }
restarted() { [ "$(docker inspect -f '{{.RestartCount}}' "$1")" -gt "$2" ]; }
ready() { curl -fsS "http://127.0.0.1:$REEVE_HTTP_PORT/ext/health/readiness"; }

make --no-print-directory build
mkdir -p "$context/plugins" "$context/reeve-data" "$context/tmp"
cp bin/reeve "$context/"
cp bin/plugins/kvvm "$context/plugins/"
docker build -q -f deploy/Dockerfile.host -t "$REEVE_IMAGE" "$context" >/dev/null
echo "image                          $(($(docker image inspect -f '{{.Size}}' "$REEVE_IMAGE") >> 20)) MiB"

start=$(millis)
compose up -d >/dev/null 2>&1
within 60 "the node is ready" ready
echo "up, until ready                $(since "$start")"
reeve kv put first light >/dev/null
echo "up, until first final          $(since "$start")"

for part in engine vmhost keystore network-bridge overseer; do
  id=$(container "$part")
  before=$(docker inspect -f '{{.RestartCount}}' "$id")
  reeve kv put "before-$part" yes >/dev/null
  start=$(millis)
  kill -9 "$(docker inspect -f '{{.State.Pid}}' "$id")"

  within 30 "a transaction after the death of $part" reeve kv put "after-$part" yes
  echo "$(printf '%-30s' "$part killed, next final") $(since "$start")"
  within 30 "$part is started again" restarted "$id" "$before"
  for key in first "before-$part" "after-$part"; do
    reeve kv get "$key" >/dev/null || { echo "compose-test: $key was lost when $part died" >&2; exit 1; }
  done
done
within 30 "healthy after all" ready
echo "compose-test: nothing lost"
