#!/bin/sh
# Runs the validator of docker-compose.yml, first with a key-value chain alone: waits for its first final transaction, kills
# one container after the other from outside and stops one process after the other, and checks that each comes back, that
# nothing is lost, and that each key is where it belongs. Then as it is by default, a relay chain with a parachain: waits
# for its first block to be included, runs several containers of the parts that share their work, kills one of each, and
# checks that no block is lost. Prints the figures. Needs a container engine; where there is none it says so.
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
export REEVE_LEDGER_PORT="${REEVE_LEDGER_PORT:-29700}" REEVE_VM=kvvm COMPOSE_PROFILES=
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

# pid_of prints the process of a part: the child of the container's first one, or that one.
pid_of() {
	first=$(docker inspect -f '{{.State.Pid}}' "$($compose ps -q "$1")")
	[ "$2" = first ] && echo "$first" || pgrep -P "$first" | head -n 1
}

# strike hits a process of a part with a signal, and waits until another runs in its place and a transaction is final.
strike() { # part, signal, which, name
	pid=$(pid_of "$1" "$3")
	put "before-$4-$1" "$pid"
	began=$(now)
	kill -"$2" "$pid"
	until put "after-$4-$1" "$pid" && new=$(pid_of "$1" "$3") && [ -n "$new" ] && [ "$new" != "$pid" ]; do
		if [ $(($(now) - began)) -gt 30000 ]; then
			echo "compose-test: $1 isn't back" >&2
			$compose logs --tail 20 "$1"
			exit 1
		fi
		sleep 0.05
	done
	echo "$1 $4: another one runs and a transaction is final after $(($(now) - began)) ms"
	keys="$keys before-$4-$1 after-$4-$1"
}

keys=first
for part in keystore network-bridge vmhost engine overseer; do
	strike "$part" KILL first killed
	strike "$part" STOP child stopped
done

for key in $keys; do
	bin/reeve kv get "$key" --url "$url" >/dev/null || { echo "compose-test: $key is lost" >&2; exit 1; }
done

# Each key is on one volume, which one container has.
for file in signing.key:keystore identity.key:network-bridge; do
	for part in init overseer keystore network-bridge vmhost engine; do
		if docker cp "$($compose ps -a -q "$part"):/data/v1/keys/${file%:*}" - >/dev/null 2>&1; then there=yes; else there=no; fi
		if [ "$part" = "${file#*:}" ]; then want=yes; else want=no; fi
		[ $there = $want ] || { echo "compose-test: ${file%:*} at $part: $there" >&2; exit 1; }
	done
done
echo "nothing lost"

# The validator as it is by default.
$compose down -v --remove-orphans >/dev/null 2>&1
REEVE_VM=relayvm COMPOSE_PROFILES=parachains

# included prints the numbers of the parachain's blocks that the relay chain has included.
included() { $compose logs --no-color ledger 2>/dev/null | sed -n 's/.*para [0-9]* block \([0-9]*\) .*included in.*/\1/p'; }

# grown waits until so many more blocks are included than there were.
grown() { # before, more, what has happened
	began=$(now)
	until [ "$(included | wc -l)" -ge $(($1 + $2)) ]; do
		if [ $(($(now) - began)) -gt 180000 ]; then
			echo "compose-test: the parachain doesn't go on after $3" >&2
			$compose ps
			$compose logs --tail 20
			exit 1
		fi
		sleep 0.2
	done
	echo "$3: $2 more blocks of the parachain are included after $(($(now) - began)) ms"
}

$compose up -d
grown 0 5 "the start"
several="candidate-validation=3 candidate-backing=2 runtime-api=2 availability-distribution=2"
scale=
for one in $several; do scale="$scale --scale $one"; done
# shellcheck disable=SC2086 # several words
$compose up -d --no-recreate $scale
grown "$(included | wc -l)" 5 "several containers of $several"
for one in $several; do
	part=${one%=*}
	at=$(curl -fsS "http://127.0.0.1:$REEVE_METRICS_PORT/ext/bus")
	there=$(echo "$at" | tr '{' '\n' | grep -c "\"name\":\"$part-")
	[ "$there" = "${one#*=}" ] || { echo "compose-test: $there instances of $part are attached, not ${one#*=}" >&2; exit 1; }
	before=$(included | wc -l)
	kill -KILL "$(docker inspect -f '{{.State.Pid}}' "$($compose ps -q "$part" | head -n 1)")"
	grown "$before" 5 "one of $part killed"
done
included | sort -n | awk 'NR > 1 && $1 != last + 1 { print "compose-test: no block between", last, "and", $1; lost = 1 } { last = $1 } END { exit lost }' >&2
echo "no block of the parachain lost"
