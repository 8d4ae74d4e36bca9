package geoip_test

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// object is a map of the MaxMind DB format; its values are strings, uint64 and objects.
type object map[string]any

// writeDatabase writes a small MaxMind DB (format 2.0, https://maxmind.github.io/MaxMind-DB/) that knows these
// networks.
func writeDatabase(t *testing.T, networks map[string]object) string {
	t.Helper()
	nodes := [][2]int{{}} // 0: nothing; > 0: the node; < 0: -1 - offset of the data
	var data []byte
	for _, network := range slices.Sorted(maps.Keys(networks)) {
		offset := len(data)
		data = appendValue(data, networks[network])
		prefix := netip.MustParsePrefix(network)
		bits, bytes := prefix.Bits(), prefix.Addr().As16()
		if prefix.Addr().Is4() {
			bits += 96
			bytes = [16]byte(append(make([]byte, 12), prefix.Addr().AsSlice()...)) // IPv4 lies under ::/96
		}
		at := 0
		for i := range bits {
			bit := bytes[i/8] >> (7 - i%8) & 1
			if i == bits-1 {
				nodes[at][bit] = -1 - offset
				break
			}
			if nodes[at][bit] == 0 {
				nodes = append(nodes, [2]int{})
				nodes[at][bit] = len(nodes) - 1
			}
			at = nodes[at][bit]
		}
	}
	file := filepath.Join(t.TempDir(), "places.mmdb")
	if err := os.WriteFile(file, assemble(nodes, data), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func assemble(nodes [][2]int, data []byte) []byte {
	var out []byte
	for _, node := range nodes {
		for _, record := range node {
			switch {
			case record == 0:
				record = len(nodes)
			case record < 0:
				record = len(nodes) + 16 + (-1 - record)
			}
			out = append(out, byte(record>>16), byte(record>>8), byte(record))
		}
	}
	out = append(out, make([]byte, 16)...)
	out = append(out, data...)
	out = append(out, "\xab\xcd\xefMaxMind.com"...)
	return appendValue(out, object{
		"node_count": uint64(len(nodes)), "record_size": uint64(24), "ip_version": uint64(6), "database_type": "Test-City",
		"binary_format_major_version": uint64(2), "binary_format_minor_version": uint64(0),
		"build_epoch": uint64(1_700_000_000),
		"description": object{"en": "A few networks"},
	})
}

func appendValue(out []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return append(appendControl(out, 2, len(v)), v...)
	case uint64:
		out = append(out, 8, 9-7) // an extended type, eight bytes of it
		return binary.BigEndian.AppendUint64(out, v)
	case object:
		out = appendControl(out, 7, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = appendValue(appendValue(out, key), v[key])
		}
	}
	return out
}

func appendControl(out []byte, kind byte, size int) []byte {
	if size < 29 {
		return append(out, kind<<5|byte(size))
	}
	return append(out, kind<<5|29, byte(size-29))
}
