#!/usr/bin/env bash
# Downloads the mongod of a MongoDB version for Debian 12 on x86-64 into a folder, and checks the checksum that its publisher lists.
#
#   deploy/ci/mongodb.sh 8.0.4 /opt/mongodb
set -euo pipefail
version=$1 folder=$2
name=mongodb-linux-x86_64-debian12-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for file in "$name.tgz" "$name.tgz.sha256"; do
  curl -fsSL --retry 3 -o "$work/$file" "https://fastdl.mongodb.org/linux/$file"
done
(cd "$work" && sha256sum --check --quiet "$name.tgz.sha256")
mkdir -p "$folder"
tar -xzf "$work/$name.tgz" -C "$folder" --strip-components 2 "$name/bin/mongod"
