#!/usr/bin/env bash
# Creates the secrets of docker-compose.yml once. Each service reads its secret from a file in the volume.
set -euo pipefail
cd /secrets
[ -e done ] && exit 0

umask 077
openssl rand -base64 756 >mongo-keyfile
openssl rand -hex 24 | tr -d '\n' >mongo-root
openssl rand -hex 24 | tr -d '\n' >mongo-ostiary
openssl rand -base64 32 >ostiary-key
printf 'mongodb://ostiary:%s@mongo-1,mongo-2,mongo-3/ostiary?replicaSet=rs0&authSource=ostiary' "$(cat mongo-ostiary)" >mongodb-uri

mkdir -p tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Ostiary trial authority' \
  -keyout tls-ca.key -out tls/ca.crt 2>/dev/null
for name in ldap dex.localhost; do
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" -keyout "tls/${name%%.*}.key" -out "$name.csr" 2>/dev/null
  openssl x509 -req -in "$name.csr" -CA tls/ca.crt -CAkey tls-ca.key -CAcreateserial -days 825 \
    -extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth' "$name") -out "tls/${name%%.*}.crt" 2>/dev/null
done

# mongod (999) accepts only a key file that it owns; Ostiary runs as 65532.
chown 999:999 mongo-keyfile mongo-root mongo-ostiary
chmod 400 mongo-keyfile mongo-root mongo-ostiary
chown 65532:65532 ostiary-key mongodb-uri
chmod 755 . tls
chmod 644 tls/*.crt
touch done
