package e2e_test

import (
	"strings"
	"testing"
)

// administration are the routes of each permission of the service's administration, by the beginning of their paths.
var administration = map[string][]string{
	"system.keys":        {"/system/keys"},
	"system.import":      {"/imports"},
	"tokens.manage":      {"/third-party-tokens"},
	"directories.manage": {"/directories"},
	"system.configure":   {"/system/keys", "/imports", "/third-party-tokens", "/directories"},
}

// TestAdministrationPermissionsOpenTheirRoutesAlone calls the routes as an API key with one permission.
func TestAdministrationPermissionsOpenTheirRoutesAlone(t *testing.T) {
	t.Parallel()
	for permission, opens := range administration {
		t.Run(permission, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "admin", "own")
			w.token = w.apiKey(t, w.token, w.own, permission)
			for _, o := range w.operations() {
				_, path, _ := strings.Cut(o, " ")
				of := func(prefixes []string) bool {
					for _, p := range prefixes {
						if strings.HasPrefix(path, p) {
							return true
						}
					}
					return false
				}
				if !of(administration["system.configure"]) {
					continue
				}
				issues := o == "POST /third-party-tokens" // which no API key may
				if status := w.status(t, o); (status == "403") == (of(opens) && !issues) {
					t.Errorf("%s: %s", o, status)
				}
			}
		})
	}
}
