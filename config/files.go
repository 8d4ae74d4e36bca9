package config

import (
	"os"
	"path/filepath"
)

// CheckFiles reports the files of the configuration that the service could not read or write. Load does not check
// them, since most commands need none.
func (c Config) CheckFiles() Mistakes {
	var m Mistakes
	readable := map[string]string{
		"http.tls.certificate_file": c.HTTP.TLS.CertificateFile,
		"http.tls.private_key_file": c.HTTP.TLS.PrivateKeyFile,
		"geoip.database":            c.GeoIP.Database,
	}
	if c.Mail.Driver == DriverSMTP {
		readable["mail.smtp.ca_file"] = c.Mail.SMTP.CAFile
	}
	for _, key := range Keys() {
		name := readable[key.Path]
		if name == "" {
			continue
		}
		file, err := os.Open(name) //nolint:gosec // the operator names it
		if err != nil {
			m.add(key.Path, "cannot be read: %v", err)
			continue
		}
		_ = file.Close()
	}
	if name := c.Audit.Checkpoint.File; name != "" {
		if info, err := os.Stat(filepath.Dir(name)); err != nil || !info.IsDir() {
			m.add("audit.checkpoint.file", "cannot be written: there is no folder %s", filepath.Dir(name))
		}
	}
	return m
}
