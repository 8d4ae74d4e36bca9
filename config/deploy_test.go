package config_test

import (
	"encoding/base64"
	"testing"

	"github.com/ostiary/ostiary/config"
)

func TestDeployFilesAreValid(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../deploy/compose/ostiary.yaml", "../deploy/kubernetes/ostiary.yaml"} {
		_, err := config.Load(config.Sources{File: file, Environ: []string{
			"OSTIARY_STORAGE_MONGODB_URI=mongodb://h", "OSTIARY_KEYRING_KEY=" +
				base64.StdEncoding.EncodeToString(make([]byte, 32)),
		}})
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
