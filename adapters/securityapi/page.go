package securityapi

import (
	"embed"
	"fmt"
	"strings"
)

// page holds swagger-ui-dist 5.35.0 (Apache-2.0), unchanged but gzipped, and our two small files around it.
//
//go:embed page
var page embed.FS

// pageFiles returns the files of the documentation page by the path that each is served at.
func pageFiles() (map[string]file, error) {
	files := map[string]file{}
	for path, source := range map[string]struct{ name, contentType string }{
		"/docs":                      {"page/index.html", "text/html; charset=utf-8"},
		"/docs/page.js":              {"page/page.js", "text/javascript; charset=utf-8"},
		"/docs/swagger-ui.css":       {"page/swagger-ui.css.gz", "text/css; charset=utf-8"},
		"/docs/swagger-ui-bundle.js": {"page/swagger-ui-bundle.js.gz", "text/javascript; charset=utf-8"},
	} {
		raw, err := page.ReadFile(source.name)
		if err != nil {
			return nil, fmt.Errorf("documentation page: %w", err)
		}
		if !strings.HasSuffix(source.name, ".gz") {
			if raw, err = compressed(raw); err != nil {
				return nil, err
			}
		}
		files[path] = file{source.contentType, raw}
	}
	return files, nil
}
