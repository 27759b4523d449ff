#!/bin/sh
# Runs the validator of docker-compose.yml, waits for its first final transaction, kills one container's process after the
# other from outside, and checks that each comes back and that nothing is lost. Prints the figures. Needs a container engine;
# where there is none it says so.
set -eu
cd "$(dirname "$0")/.."

if ! docker info >/dev/null 2>&1; then
	echo "compose-test: there is no container engine here; nothing was tested"
	exit 0
fi
compose=docker-compose
command -v "$compose" >/dev/null || compose="docker compose"

make build
export REEVE_IMAGE="reeve:compose-test-$$" COMPOSE_PROJECT_NAME="reeve-test-$$"
export REEVE_HTTP_PORT="${REEVE_HTTP_PORT:-29650}" REEVE_METRICS_PORT="${REEVE_METRICS_PORT:-29464}" REEVE_P2P_PORT="${REEVE_P2P_PORT:-29651}"
url="http://127.0.0.1:$REEVE_HTTP_PORT"
cleanup() {
	$compose down -v --remove-orphans >/dev/null 2>&1 || true
	docker rmi -f "$REEVE_IMAGE" >/dev/null 2>&1 || true
}
trap cleanup EXIT INT TERM

docker build -q -f deploy/Dockerfile.binary -t "$REEVE_IMAGE" . >/dev/null
now() { date +%s%3N; }
put() { bin/reeve kv put "$1" "$2" --url "$url" --timeout 5s -o json >/dev/null 2>&1; }

began=$(now)
$compose up -d
until put first "it works"; do
	if [ $(($(now) - began)) -gt 90000 ]; then
		$compose ps
		$compose logs --tail 20
		echo "compose-test: no transaction became final" >&2
		exit 1
	fi
	sleep 0.1
done
echo "first final transaction after $(($(now) - began)) ms"

for part in keystore network-bridge vmhost engine overseer; do
	id=$($compose ps -q "$part")
	pid=$(docker inspect -f '{{.State.Pid}}' "$id")
	put "before-$part" "$pid"
	began=$(now)
	kill -9 "$pid"
	until put "after-$part" "$pid" && [ "$(docker inspect -f '{{.State.Pid}}' "$id")" != "$pid" ]; do
		if [ $(($(now) - began)) -gt 30000 ]; then
			echo "compose-test: $part isn't back" >&2
			$compose logs --tail 20 "$part"
			exit 1
		fi
		sleep 0.05
	done
	echo "$part killed: running again and a transaction final after $(($(now) - began)) ms, restarts $(docker inspect -f '{{.RestartCount}}' "$id")"
done

for key in first before-keystore after-keystore before-network-bridge after-network-bridge before-vmhost after-vmhost \
	before-engine after-engine before-overseer after-overseer; do
	bin/reeve kv get "$key" --url "$url" >/dev/null || { echo "compose-test: $key is lost" >&2; exit 1; }
done
echo "nothing lost"
