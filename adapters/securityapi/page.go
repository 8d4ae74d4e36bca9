package securityapi

import (
	"embed"
	"fmt"
)

// page holds the documentation page, which has no dependencies.
//
//go:embed page
var page embed.FS

// pageFiles returns the files of the documentation page by the path that each is served at.
func pageFiles() (map[string]file, error) {
	files := map[string]file{}
	for path, source := range map[string]struct{ name, contentType string }{
		"/docs":          {"page/index.html", "text/html; charset=utf-8"},
		"/docs/page.js":  {"page/page.js", "text/javascript; charset=utf-8"},
		"/docs/page.css": {"page/page.css", "text/css; charset=utf-8"},
	} {
		raw, err := page.ReadFile(source.name)
		if err != nil {
			return nil, fmt.Errorf("documentation page: %w", err)
		}
		if raw, err = compressed(raw); err != nil {
			return nil, err
		}
		files[path] = file{source.contentType, raw}
	}
	return files, nil
}
