#!/usr/bin/env bash
# Prints how many kilobytes of the program each library takes: the sizes of its functions and data, and its share of the
# tables that the linker writes for all of them (function tables and types). Code that the compiler makes of generic
# functions counts for the library that has them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

CGO_ENABLED=0 GOFLAGS= go build -trimpath -ldflags '-s -w' -o "$work/released" ./cmd/ostiary
CGO_ENABLED=0 GOFLAGS= go build -trimpath -ldflags '-w' -o "$work/symbols" ./cmd/ostiary
CGO_ENABLED=0 GOFLAGS= go list -deps -f '{{.ImportPath}} {{with .Module}}{{.Path}}{{else}}Go{{end}}' ./cmd/ostiary >"$work/modules"
go tool nm -size "$work/symbols" >"$work/sizes"

awk -v total="$(stat -c %s "$work/released")" '
  NR == FNR { module[$1] = $2; next }
  $3 ~ /^[Bb]$/ || $2 > 4000000 || $4 ~ /^(runtime\.mheap_|runtime\.cgroupScratch|go:func\.)/ { next } # not in the file, or a table
  {
    name = $4; sub(/\[.*/, "", name); sub(/^(type:\.(eq|hash)\.|go:itab\.\*?)/, "", name); gsub(/%2e/, ".", name)
    path = ""; rest = name
    while ((at = index(rest, "/")) > 0) { path = path substr(rest, 1, at); rest = substr(rest, at + 1) }
    package = path rest; sub(/\.[^\/]*$/, "", package)
    at = index(rest, ".")
    package = path (at > 0 ? substr(rest, 1, at - 1) : rest)
    while (!(package in module) && at > 0 && (more = index(substr(rest, at + 1), ".")) > 0) {
      at += more; package = path substr(rest, 1, at - 1)
    }
    owner = package in module ? module[package] : (package == "main" ? "github.com/ostiary/ostiary" : "Go")
    size[owner] += $2; all += $2
  }
  END {
    for (owner in size) printf "%8.0f kB  %s\n", size[owner] * total / all / 1000, owner
    printf "%8.0f kB  in all\n", total / 1000
  }' "$work/modules" "$work/sizes" | sort -rn
