package sqlitestore

import "strings"

// nothing is a value that no row has in the column that tells streams apart.
const nothing = int64(-1)

// merge returns a query that merges streams of rows, which SQLite reads only as far as the result needs: every one comes from
// an index in the order that the merged rows have. stream is the query of one of them; its last argument tells it from the
// others. Their number is filled up, so that there are few different statements.
func merge(stream string, args []any, values []int64) (string, []any) {
	count := fill(len(values))
	all := make([]any, 0, count*(len(args)+1))
	for i := range count {
		value := nothing
		if i < len(values) {
			value = values[i]
		}
		all = append(append(all, args...), value)
	}
	return strings.Repeat(stream+" UNION ALL ", count-1) + stream, all
}

// fill returns the next power of two, or of more than eight the next multiple of eight.
func fill(n int) int {
	count := 1
	for count < n && count < 8 {
		count *= 2
	}
	if n > count {
		count = (n + 7) / 8 * 8
	}
	return count
}
