package main

import (
	"encoding/json"

	"github.com/schollz/progressbar/v3"

	"github.com/ostiary/ostiary/internal/securityclient"
)

// bar displays the progress of a long operation on a terminal.
type bar struct {
	of    *app
	title string
	bar   *progressbar.ProgressBar
}

func (a *app) newBar(title string) *bar { return &bar{of: a, title: title} }

// line displays a progress line of a long operation.
func (b *bar) line(member string, value json.RawMessage) {
	var p securityclient.Progress
	if member == "progress" && json.Unmarshal(value, &p) == nil {
		b.report(b.title, p.Done, valueOf(p.Total))
	}
}

// report displays the progress of a part of the operation. Each part has a bar of its own.
func (b *bar) report(title string, done, total int64) {
	if !b.of.terminal || b.of.json {
		return
	}
	if b.bar == nil || title != b.title {
		b.end()
		b.title = title
		if total == 0 {
			total = -1
		}
		b.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.of.err),
			progressbar.OptionSetDescription(b.title),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	}
	_ = b.bar.Set64(done) // a display error does not stop the operation
}

func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
