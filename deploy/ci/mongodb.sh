#!/usr/bin/env bash
# Starts MongoDB of a version on the hosted runner, "standalone" or as a "replica-set" of three members, and exports where it is.
set -euo pipefail
version=$1 kind=$2

ready() { # port
  for _ in $(seq 60); do
    docker exec "mongo-$1" mongosh --quiet --port "$1" --eval 'db.runCommand({ping: 1}).ok' >/dev/null 2>&1 && return
    sleep 1
  done
  docker logs "mongo-$1" >&2
  exit 1
}

if [ "$kind" = standalone ]; then
  docker run -d --name mongo-27017 --network host "mongo:$version" mongod --port 27017 --bind_ip 127.0.0.1
  ready 27017
  uri="mongodb://127.0.0.1:27017/"
else
  for port in 27017 27018 27019; do
    docker run -d --name "mongo-$port" --network host "mongo:$version" mongod --port "$port" --bind_ip 127.0.0.1 --replSet rs0
    ready "$port"
  done
  docker exec mongo-27017 mongosh --quiet --port 27017 --eval '
    rs.initiate({_id: "rs0", members: [0, 1, 2].map(n => ({_id: n, host: `127.0.0.1:${27017 + n}`}))})
    while (!db.hello().isWritablePrimary) { sleep(500) }'
  uri="mongodb://127.0.0.1:27017,127.0.0.1:27018,127.0.0.1:27019/?replicaSet=rs0"
fi
echo "OSTIARY_TEST_MONGODB_URI=$uri" >>"$GITHUB_ENV"
