package auditformat

import (
	"bytes"
	"encoding/csv"
	"io"
	"strings"
	"testing"
)

var hostileCells = []string{
	"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\x00=1", "'quoted", " =1", "＝1", "＋1", "－1",
	"＠x",
	"a;=cmd|'/C calc'!A0", "a;+1;-1;@x", "a\t=1\t+1", "a\n=1", "a\r\n=1", "a\r=1", "x; =1", "x;\u00a0=1", "x;\ufeff=1",
	`x;"=1"`, `x;""=1`,
	"a;＝1", "a;'=1", "a;''", "';'", "a;\t;=1", "\u00a0=1", `"=1"`, "Mozilla/5.0 (X11; Linux x86_64)", "a#b", "Zoë; 日本",
	`{"a":"b;=1","c":"d"}`,
	"", ";", "';", "a;;=1",
}

func TestCSVCellsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, value := range hostileCells {
		raw := appendCell(nil, value)
		cells, ok := SplitRow(raw)
		if !ok || len(cells) != 1 || cellValue(cells[0]) != value {
			t.Errorf("%q is written as %q and read as %q", value, raw, cells)
		}
	}
}

func TestCSVTextWithoutFormulasIsKept(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Mozilla/5.0 (X11; Linux x86_64; rv:1)", `{"a":"x;","b":1}`, "a;b", "x; y"} {
		if cells, ok := SplitRow(appendCell(nil, text)); !ok || cells[0] != text {
			t.Errorf("%q is shown as %q", text, cells)
		}
	}
}

// mayRun reports whether a spreadsheet may run the cell as a formula.
func mayRun(cell string) bool {
	cell = strings.TrimLeft(cell, " \t\r\n\x00\u00a0\ufeff\"")
	return cell != "" && strings.ContainsAny(cell[:1], "=+-@") || strings.HasPrefix(cell, "＝") ||
		strings.HasPrefix(cell, "＋") ||
		strings.HasPrefix(cell, "－") || strings.HasPrefix(cell, "＠")
}

func TestCSVCellsDoNotRunBehindCommaSemicolonAndTab(t *testing.T) {
	t.Parallel()
	for _, value := range hostileCells {
		row := appendCell([]byte("log_1,"), value)
		row = append(row, ",end\r\n"...)
		for _, separator := range ",;\t" {
			reader := csv.NewReader(bytes.NewReader(row))
			reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = separator, true, -1
			for {
				cells, err := reader.Read()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatalf("%q: %v", row, err)
				}
				for _, cell := range cells {
					if mayRun(cell) {
						t.Errorf("%q behind %q: the cell %q may run", value, separator, cell)
					}
				}
			}
			// A reader that recognizes no quotes after the first cell, as spreadsheets do in the middle of a cell.
			if separator == ',' {
				continue
			}
			for _, line := range strings.FieldsFunc(string(row), func(r rune) bool { return r == '\r' || r == '\n' }) {
				for cell := range strings.SplitSeq(line, string(separator)) {
					if mayRun(cell) {
						t.Errorf("%q behind a plain %q: the cell %q may run", value, separator, cell)
					}
				}
			}
		}
	}
}

func FuzzCSVCells(f *testing.F) {
	for _, value := range hostileCells {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		raw := appendCell(nil, value)
		cells, ok := SplitRow(raw)
		if !ok || len(cells) != 1 || cellValue(cells[0]) != value {
			t.Errorf("%q is written as %q and read as %q", value, raw, cells)
		}
	})
}
