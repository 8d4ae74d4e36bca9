#!/usr/bin/env bash
# Brings docker-compose.yml up and signs in through the proxy, from Ostiary's own directory and from OpenLDAP, and goes as far as the
# provider's own page, where a browser would be needed.
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
# The way to the provider: Ostiary has found and read it, and sends the browser there.
challenge=$(printf verifier-verifier-verifier-verifier-verifier | openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d =)
there=$(curl -fsS -o /dev/null -w '%{redirect_url}' -G "$url/api/v1/security/auth/oidc/dex/login" \
  --data-urlencode redirect_uri=http://localhost:8080/ -d "code_challenge=$challenge" -d code_challenge_method=S256)
case $there in
  https://dex.localhost:5554/dex/auth\?*) ;;
  *) echo "the sign-in at the provider leads to: $there" >&2; exit 1 ;;
esac
docker compose stop ostiary-1
curl -fsS -H "Authorization: Bearer $token" "$url/api/v1/security/auth/verify" >/dev/null
echo "both nodes, both directories and the loss of a node: all well"
