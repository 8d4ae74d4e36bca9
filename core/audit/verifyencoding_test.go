package audit_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/audit"
)

// PowerShell's redirection writes UTF-16.
func TestUTF16ExportIsAnErrorNotAForgery(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\xff\xfe{\x00}\x00", "\xfe\xff\x00{\x00}"} {
		report, err := audit.VerifyFile(strings.NewReader(text), int64(len(text)), audit.Trust{})
		if err == nil || !strings.Contains(err.Error(), "UTF-16") || report.Finding != nil {
			t.Errorf("%x: %+v, %v", text, report.Finding, err)
		}
	}
}
