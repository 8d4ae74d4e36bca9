package localapi

import (
	"bufio"
	"io"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/ostiary/ostiary/adapters/checkpointlog"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/audit"
)

// VerifyExport verifies an export of POST /audit/export, or the file of a checkpoint sink, without a service and in
// constant memory. It returns the response of POST /audit/verify.
func VerifyExport(file io.ReaderAt, size int64, key string, checkpoints []string) ([]byte, error) {
	trust, err := audit.ParseTrust(key, checkpoints)
	if err != nil {
		return nil, err
	}
	report, err := audit.VerifyFile(file, size, trust)
	if err != nil {
		return nil, err
	}
	return json.Marshal(securityapi.AuditReportOf(&report))
}

// LastCheckpoint returns the last checkpoint in a file of audit.checkpoint.file, or none if there is no file.
func LastCheckpoint(path string) ([]string, error) {
	line, err := checkpointlog.Last(path)
	if err != nil || line == nil {
		return nil, err
	}
	return []string{string(line)}, nil
}

// ReadCheckpoints reads the lines of a checkpoint file. It skips entries that were streamed between them.
func ReadCheckpoints(file io.Reader) ([]string, error) {
	var all []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20) // an entry may be longer than the default of a scanner
	for lines.Scan() {
		if text := lines.Text(); text != "" && !strings.HasPrefix(text, `{"entry":`) {
			all = append(all, text)
		}
	}
	return all, lines.Err()
}
