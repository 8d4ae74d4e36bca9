package sqlitestore

import "strings"

// noValue is a value that no row has in the column that distinguishes the streams.
const noValue = int64(-1)

// merge returns a query that merges streams of rows. Each stream comes from an index in the order of the merged rows,
// so SQLite reads it only as far as the result needs. stream is the query of one stream. Its last parameter takes one
// of the values. The number of streams is rounded up, in order to limit the number of different statements.
func merge(stream string, args []any, values []int64) (string, []any) {
	count := roundUp(len(values))
	all := make([]any, 0, count*(len(args)+1))
	for i := range count {
		value := noValue
		if i < len(values) {
			value = values[i]
		}
		all = append(append(all, args...), value)
	}
	return strings.Repeat(stream+" UNION ALL ", count-1) + stream, all
}

// roundUp returns the next power of two up to eight, and the next multiple of eight above.
func roundUp(n int) int {
	count := 1
	for count < n && count < 8 {
		count *= 2
	}
	if n > count {
		count = (n + 7) / 8 * 8
	}
	return count
}
