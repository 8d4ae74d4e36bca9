#!/usr/bin/env bash
# Brings docker-compose.yml up and signs in through the proxy, from Ostiary's own directory and from OpenLDAP.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
trap 'code=$?; [ $code = 0 ] || docker compose logs --tail 50 >&2; docker compose down -v >/dev/null 2>&1; exit $code' EXIT

docker compose up --build -d
url=http://localhost:8080
for _ in $(seq 120); do
  curl -fsS "$url/readyz" >/dev/null 2>&1 && break
  sleep 1
done
curl -fsS "$url/readyz" >/dev/null

login() { # name password: prints the access token
  curl -fsS -H 'Content-Type: application/json' -d "{\"username\":\"$1\",\"password\":\"$2\"}" "$url/api/v1/security/auth/login" |
    sed -n 's/.*"access_token":"\([^"]*\)".*/\1/p'
}
for who in "admin Correct-Horse-7-Battery" "alice alice-Secret-1"; do
  token=$(login $who)
  # Several times, so that both nodes are asked.
  for _ in 1 2 3 4; do curl -fsS -H "Authorization: Bearer $token" "$url/api/v1/security/auth/verify" >/dev/null; done
done
docker compose stop ostiary-1
curl -fsS -H "Authorization: Bearer $token" "$url/api/v1/security/auth/verify" >/dev/null
echo "both nodes, both directories and the loss of a node: all well"
