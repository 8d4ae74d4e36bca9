package operator

import "github.com/ostiary/ostiary/adapters/checkpointlog"

// LastCheckpoint returns the last checkpoint in a file of audit.checkpoint.file in the form of AuditTrust, or none if
// there is no file.
func LastCheckpoint(path string) ([]string, error) {
	line, err := checkpointlog.Last(path)
	if err != nil || line == nil {
		return nil, err
	}
	return []string{string(line)}, nil
}
