#!/usr/bin/env bash
# Creates the replica set and Ostiary's user, once.
set -euo pipefail
root="mongodb://root:$(cat /secrets/mongo-root)@mongo-1/admin?directConnection=true"

for host in mongo-1 mongo-2 mongo-3; do
  until mongosh --quiet "mongodb://$host/?directConnection=true" --eval 'db.hello().ok' >/dev/null 2>&1; do sleep 1; done
done
until mongosh --quiet "$root" --eval 'db.runCommand({ping: 1}).ok' >/dev/null 2>&1; do sleep 1; done

mongosh --quiet "$root" --eval '
  try { rs.status() } catch (e) {
    rs.initiate({_id: "rs0", members: [1, 2, 3].map(n => ({_id: n, host: `mongo-${n}:27017`, priority: n === 1 ? 2 : 1}))})
  }
  while (!db.hello().isWritablePrimary) { sleep(500) }'

OSTIARY_PASSWORD="$(cat /secrets/mongo-ostiary)" mongosh --quiet "$root" --eval '
  const app = db.getSiblingDB("ostiary")
  if (!app.getUser("ostiary")) {
    app.createUser({user: "ostiary", pwd: process.env.OSTIARY_PASSWORD, roles: [{role: "readWrite", db: "ostiary"}]}, {w: "majority"})
  }'
